"""The section of the settings that says who is in the project."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from analytics.projects.models import Project
from dashboard.web.access import allows, require_act, user_of
from dashboard.web.saying import SectionAct, tell
from people.mail import can_mail
from people.members.changes import LastOwner, change_role, remove_member
from people.members.invitations import (
    MAX_OPEN,
    TooMany,
    invite,
    list_open,
    mail_link,
    withdraw,
)
from people.members.models import Member, Role, member_id
from people.members.roles import Act

SECTION = "members"
LINK = "invitation-link"  # marks the message that is the link of a new invitation
MAX_SHOWN = 500
STAYS = "A project keeps an owner. Make somebody else one first."


class InviteForm(forms.Form):
    section = "invite"

    email = forms.EmailField(
        max_length=254,
        required=False,
        label="E-mail",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER, label="Role")

    def __init__(self, project: Project, sent: Any = None) -> None:
        super().__init__(sent, auto_id=f"{self.section}-%s")
        self.fields["email"].help_text = (
            "The link is sent there. Empty: it is shown here, to be passed on."
            if can_mail()
            else "Only to tell invitations apart: no mail is set up, so the link is shown here."
        )


def gather(request: HttpRequest, project: Project) -> dict[str, Any]:
    """What the section shows; invitations to owners alone."""
    may_own = allows(request, project, Act.OWN)
    me = user_of(request).pk
    found = Member.objects.filter(project=project).select_related("user")[:MAX_SHOWN]
    return {
        "may_own": may_own,
        "members": list(found),
        "me": me,
        "is_member": Member.objects.filter(pk=member_id(project.pk, me)).exists(),
        "roles": Role.choices,
        "invitations": list(list_open(project.pk)) if may_own else [],
        "link_tag": LINK,
    }


def invite_member(request: HttpRequest, project: Project) -> forms.BaseForm | HttpResponse:
    require_act(request, project, Act.OWN)
    form = InviteForm(project, request.POST)
    if not form.is_valid():
        return form
    email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
    user = user_of(request)
    assert isinstance(user, User)
    try:
        token = invite(project, role, email, user)
    except TooMany:
        form.add_error(None, ValidationError(f"{MAX_OPEN} invitations are open. Withdraw some."))
        return form
    link = request.build_absolute_uri(reverse("dashboard:open_invitation", args=[token]))
    if email and mail_link(email, project, role, link):
        return tell(request, SECTION, f"The invitation was sent to {email}.")
    if email and can_mail():
        messages.error(request, "The mail could not be sent.", extra_tags=SECTION)
    messages.warning(request, link, extra_tags=LINK)
    return tell(request, SECTION, "The invitation is made.")


def withdraw_invitation(request: HttpRequest, project: Project) -> HttpResponse:
    require_act(request, project, Act.OWN)
    digest = request.POST.get("invitation", "").replace("\x00", "")[:64]
    if not withdraw(project.pk, digest, user_of(request).get_username()):
        raise Http404
    return tell(request, SECTION, "The invitation is withdrawn.")


def change_member(request: HttpRequest, project: Project) -> HttpResponse:
    require_act(request, project, Act.OWN)
    role = request.POST.get("role", "")
    if role not in Role.values:
        raise Http404
    return _try(
        request,
        lambda: change_role(
            project.pk, _sent_user(request), Role(role), user_of(request).get_username()
        ),
        "The role is changed.",
    )


def end_membership(request: HttpRequest, project: Project) -> HttpResponse:
    require_act(request, project, Act.OWN)
    return _try(request, lambda: _remove(request, project, _sent_user(request)), "Removed.")


def leave(request: HttpRequest, project: Project) -> HttpResponse:
    """For every member, whatever their role."""
    me = str(user_of(request).pk)
    done = _try(request, lambda: _remove(request, project, me), f"You left {project.name}.")
    if allows(request, project, Act.LOOK):
        return done
    return HttpResponseRedirect(reverse("dashboard:projects"))


def _sent_user(request: HttpRequest) -> str:
    return request.POST.get("user", "").replace("\x00", "")[:64]


def _remove(request: HttpRequest, project: Project, user_id: str) -> bool:
    return remove_member(project.pk, user_id, user_of(request).get_username())


def _try(request: HttpRequest, act: Any, text: str) -> HttpResponse:
    try:
        if not act():
            raise Http404
    except LastOwner:
        return tell(request, SECTION, STAYS)
    return tell(request, SECTION, text)


ACTS: dict[str, SectionAct] = {
    InviteForm.section: invite_member,
    "withdraw": withdraw_invitation,
    "member": change_member,
    "unmember": end_membership,
    "leave": leave,
}
