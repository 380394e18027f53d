"""`/account`: one's own password, second factor and sessions."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from analytics.accounts.sessions import (
    digest_session_key,
    end_session,
    end_sessions,
    list_sessions,
)
from analytics.audit import record
from analytics.databases.transactions import transact_models
from analytics.web.problems import BadRequest
from dashboard.web.access import page as signed_in_page
from dashboard.web.access import user_of
from dashboard.web.navigation import frame
from dashboard.web.people.own_password import WithPassword, require_password
from people.accounts.addresses import note_claimed
from people.accounts.second_factor import has_factor


class OwnPasswordForm(PasswordChangeForm):
    """Looks at the old password only if it was not wrong too often."""

    def __init__(self, user: User, *given: Any) -> None:
        super().__init__(user, *given)
        # Nobody comes here for the password alone.
        self.fields["old_password"].widget.attrs.pop("autofocus", None)

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        require_password(self.user, password)
        return password


class EmailForm(WithPassword):
    email = forms.EmailField(
        max_length=254,
        required=False,
        label="E-mail",
        help_text="Where a link is sent when the password is forgotten. May be empty.",
    )
    field_order = ("email", "password")


@signed_in_page("GET", "HEAD", "POST")
def page(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    assert isinstance(user, User)
    form = OwnPasswordForm(user)
    email_form = EmailForm(user, initial={"email": user.email}, auto_id="email-%s")
    if request.method == "POST":
        section = request.POST.get("section", "")
        if section == "password":
            form = OwnPasswordForm(user, request.POST)
            if form.is_valid():
                return change_password(request, form)
        elif section == "email":
            email_form = EmailForm(user, request.POST, auto_id="email-%s")
            if email_form.is_valid():
                return change_email(request, user, email_form.cleaned_data["email"])
        elif section in SESSIONS:
            return SESSIONS[section](request, user)
        else:
            raise BadRequest("There is no such section.")
    here = digest_session_key(str(request.session.session_key)).hex()
    context: dict[str, Any] = frame(request) | {
        "form": form,
        "email_form": email_form,
        "has_factor": has_factor(user),
        "sessions": list_sessions(user),
        "here": here,
    }
    return render(request, "dashboard/people/account.html", context)


def change_password(request: HttpRequest, form: OwnPasswordForm) -> HttpResponse:
    """All other sessions end with it."""

    def work() -> User:
        user: User = form.save()
        record(user.get_username(), None, "password.changed", user.get_username())
        return user

    update_session_auth_hash(request, transact_models(work))
    messages.success(request, "The password is changed, and every other session is ended.")
    return HttpResponseRedirect(request.path)


def change_email(request: HttpRequest, user: User, email: str) -> HttpResponse:

    def work() -> None:
        is_other = email.casefold() != user.email.casefold()
        user.email = email
        user.save(update_fields=["email"])
        if is_other:
            note_claimed(user)
        record(user.get_username(), None, "email.changed", user.get_username())

    transact_models(work)
    messages.success(request, "The e-mail address is saved.")
    return HttpResponseRedirect(request.path)


def end_one(request: HttpRequest, user: User) -> HttpResponse:
    if not end_session(user, request.POST.get("session", "")):
        raise Http404
    record(user.get_username(), None, "sessions.ended", user.get_username(), ended=1)
    messages.success(request, "The session is ended.")
    return HttpResponseRedirect(request.path)


def end_everywhere(request: HttpRequest, user: User) -> HttpResponse:
    """This one, too."""
    ended = end_sessions(user)
    record(user.get_username(), None, "sessions.ended", user.get_username(), ended=ended)
    logout(request)
    return HttpResponseRedirect(reverse("dashboard:sign_in"))


SESSIONS = {"session": end_one, "everywhere": end_everywhere}
