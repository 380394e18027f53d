"""`/p/<project>/settings`: what a project is, counts and keeps; its keys, aliases and its end.

Each form names its section, and saves it alone; what was changed is told after a redirect.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from analytics.projects.aliases import Alias
from analytics.projects.holdings import read_holding
from analytics.projects.models import ApiKey, Project
from analytics.projects.zones import list_zones
from analytics.web.problems import BadRequest
from dashboard.parts.settings import facts
from dashboard.parts.settings.forms import (
    CountingForm,
    DeleteForm,
    GeneralForm,
    KeepingForm,
    NewAliasForm,
    NewKeyForm,
    PublicKeyForm,
    SecretKeyForm,
    SectionForm,
    WebsiteForm,
)
from dashboard.web import share_links
from dashboard.web.access import project_page, user_of
from dashboard.web.navigation import frame
from dashboard.web.people import members
from dashboard.web.saved import goals
from dashboard.web.saying import ONCE, SectionAct, note, save, tell
from people.members.models import Role
from people.members.roles import member_role
from upkeep.deletion.job import ask_deletion

SECTIONS: tuple[type[SectionForm], ...] = (GeneralForm, WebsiteForm, CountingForm, KeepingForm)
MAX_KEYS = 200
KEYS = "api-keys"  # `keys` are those of the keyboard
# What of the admin allows the same to staff who are no owners here.
RIGHTS = {
    "may_change": "analytics.change_project",
    "may_add_keys": "analytics.add_apikey",
    "may_revoke": "analytics.change_apikey",
    "may_add_aliases": "analytics.add_alias",
    "may_remove_aliases": "analytics.delete_alias",
    "may_delete": "upkeep.add_projectdeletion",
}


@project_page("GET", "HEAD", "POST")
def page(request: HttpRequest, project: Project) -> HttpResponse:
    tried: BaseForm | None = None
    if request.method == "POST":
        act = ACTS.get(request.POST.get("section", ""))
        if act is None:
            raise BadRequest("There is no such section.")
        # Its own: a form that refuses has written into what it was given.
        done = act(request, Project.objects.get(pk=project.pk))
        if isinstance(done, HttpResponse):
            return done
        tried = done
    context = frame(request, project, "settings") | _gather(request, project, tried)
    return render(request, "dashboard/settings.html", context)


def _gather(request: HttpRequest, project: Project, tried: BaseForm | None) -> dict[str, Any]:
    now = datetime.now(UTC)
    said = list(messages.get_messages(request))
    rights = list_rights(request, project)
    forms = {section: form(project) for section, form in FORMS.items()}
    if tried is not None and request.POST["section"] in forms:
        forms[request.POST["section"]] = tried
    return (
        rights
        | goals.gather(request, project, tried)
        | members.gather(request, project)
        | share_links.gather(request, project, tried)
        | {
            "form": forms,
            "facts": {each.section: facts.show_fields(each(project)) for each in SECTIONS},
            "new_keys": [forms[form.section] for form in NEW_KEYS],
            "said": said,
            "once": ONCE,
            "zone": facts.read_zone(project, now),
            "zones": list_zones() if rights["may_change"] else (),
            "sites": facts.list_sites(project),
            "keys": ApiKey.objects.filter(project=project).order_by("revoked_at", "-created_at")[
                :MAX_KEYS
            ],
            "aliases": Alias.objects.filter(project=project),
            "holding": read_holding(project) if rights["may_delete"] else None,
            "tracker": request.build_absolute_uri(f"/{settings.TRACKER_NAME}"),
        }
    )


def change(form_of: type[SectionForm]) -> SectionAct:
    def act(request: HttpRequest, project: Project) -> BaseForm | HttpResponse:
        require(request, project, "may_change")
        form = form_of(project, request.POST)
        if not form.is_valid():
            return form
        try:
            save(request, form.save_changes)
        except ValidationError as taken:  # its name, by another at the same moment
            form.add_error(None, "; ".join(taken.messages))
            return form
        if form.changed_data:
            note(request, project, f"Changed {', '.join(form.changed_data)} on the settings page.")
        return tell(request, form.section, "Saved.")

    return act


def add_key(form_of: type[NewKeyForm]) -> SectionAct:
    def act(request: HttpRequest, project: Project) -> BaseForm | HttpResponse:
        require(request, project, "may_add_keys")
        form = form_of(project, request.POST)
        if not form.is_valid():
            return form
        key: ApiKey = form.instance
        text = key.assign_secret()
        save(request, key.save)
        note(request, key, "Added on the settings page.", is_new=True)
        if not key.is_public:  # it travels in the browser's own cookie; nothing here keeps it
            messages.warning(request, text, extra_tags=ONCE)
        return tell(request, KEYS, "The key is made.")

    return act


def revoke_key(request: HttpRequest, project: Project) -> HttpResponse:
    require(request, project, "may_revoke")
    key = ApiKey.objects.filter(project=project, pk=request.POST.get("key", "")).first()
    if key is None:
        raise Http404
    save(request, key.revoke)
    note(request, key, "Revoked.")
    return tell(request, KEYS, "The key is revoked.")


def add_alias(request: HttpRequest, project: Project) -> BaseForm | HttpResponse:
    require(request, project, "may_add_aliases")
    form = NewAliasForm(project, request.POST)
    if not form.is_valid():
        return form
    try:
        save(request, form.instance.save)
    except ValidationError as taken:
        form.add_error(None, "; ".join(taken.messages))
        return form
    note(request, form.instance, "Added on the settings page.", is_new=True)
    return tell(request, "aliases", "The alias is added.")


def remove_alias(request: HttpRequest, project: Project) -> HttpResponse:
    require(request, project, "may_remove_aliases")
    alias = Alias.objects.filter(project=project, pk=request.POST.get("alias", "")).first()
    if alias is None:
        raise Http404
    note(request, project, f"Removed the alias {alias}.")
    save(request, alias.delete)
    return tell(request, "aliases", "The alias is removed.")


def delete(request: HttpRequest, project: Project) -> BaseForm | HttpResponse:
    require(request, project, "may_delete")
    form = DeleteForm(project, request.POST)
    if not form.is_valid():
        return form
    ask_deletion(project, f"dashboard {user_of(request).get_username()}")
    note(request, project, "Asked for its deletion.")
    messages.success(request, "The project is being deleted.")
    return HttpResponseRedirect(reverse("dashboard:projects"))


NEW_KEYS: tuple[type[NewKeyForm], ...] = (PublicKeyForm, SecretKeyForm)
FORMS: Mapping[str, Callable[[Project], BaseForm]] = {
    **{form.section: form for form in SECTIONS},
    **{form.section: form for form in NEW_KEYS},
    NewAliasForm.section: NewAliasForm,
    DeleteForm.section: DeleteForm,
    members.InviteForm.section: members.InviteForm,
}
ACTS: Mapping[str, SectionAct] = {
    **{form.section: change(form) for form in SECTIONS},
    **{form.section: add_key(form) for form in NEW_KEYS},
    **goals.ACTS,
    **share_links.ACTS,
    "revoke": revoke_key,
    NewAliasForm.section: add_alias,
    "remove": remove_alias,
    DeleteForm.section: delete,
    **members.ACTS,
}


def list_rights(request: HttpRequest, project: Project) -> dict[str, bool]:
    """Owners have all of them; staff who are none those that the admin gives them."""
    user = user_of(request)
    if member_role(user, project.pk) == Role.OWNER:
        return dict.fromkeys(RIGHTS, True)
    is_staff = user.is_staff or user.is_superuser
    return {name: is_staff and user.has_perm(right) for name, right in RIGHTS.items()}


def require(request: HttpRequest, project: Project, right: str) -> None:
    """Raises PermissionDenied."""
    if not list_rights(request, project)[right]:
        raise PermissionDenied
