"""`/invitation`: what it lets into, and who accepts: a new account, or the one signed in."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from dashboard.web.access import user_of
from dashboard.web.people.links import WrongToken, drop_token, opening, with_token
from people.accounts.second_factor import lacks_factor
from people.members.invitations import (
    NotGood,
    accept,
    accept_as_new,
    find_invitation,
    gives_more,
)
from people.members.models import Invitation

NAME, PAGE = "invitation", "dashboard:invitation"
BACKEND = "django.contrib.auth.backends.ModelBackend"

if TYPE_CHECKING:
    NewUserForm = UserCreationForm[User]
else:  # at run time it cannot be subscripted
    NewUserForm = UserCreationForm


class NewAccountForm(NewUserForm):
    email = forms.EmailField(
        max_length=254,
        required=False,
        label="E-mail",
        help_text="Where a link is sent when the password is forgotten. May be empty.",
    )

    class Meta:
        model = User
        fields = ("username", "email")


open_invitation = opening(NAME, PAGE)


@with_token(NAME)
def page(request: HttpRequest, token: str) -> HttpResponse:
    invitation = find(token)
    user = user_of(request)
    if isinstance(user, User):
        return _show_to_user(request, token, invitation, user)
    form = NewAccountForm(request.POST or None, initial={"email": invitation.email})
    if request.method == "POST" and form.is_valid():
        try:
            new = accept_as_new(token, form.save(commit=False))
        except NotGood as exc:
            raise WrongToken from exc
        except IntegrityError:  # by somebody else, at the same moment
            form.add_error("username", "A user with that username already exists.")
        else:
            login(request, new, backend=BACKEND)
            return _enter(invitation)
    return _show(request, {"invitation": invitation, "form": form})


def find(token: str) -> Invitation:
    """Raises WrongToken."""
    try:
        return find_invitation(token)
    except NotGood as exc:
        raise WrongToken from exc


def _show_to_user(
    request: HttpRequest, token: str, invitation: Invitation, user: User
) -> HttpResponse:
    if lacks_factor(request):
        return HttpResponseRedirect(f"{reverse('dashboard:second_factor')}?next={reverse(PAGE)}")
    is_more = gives_more(invitation, user)
    if request.method == "POST" and is_more:
        try:
            accept(token, user)
        except NotGood as exc:
            raise WrongToken from exc
        return _enter(invitation)
    return _show(request, {"invitation": invitation, "is_more": is_more})


def _enter(invitation: Invitation) -> HttpResponse:
    address = reverse("dashboard:page", args=[invitation.project_id])
    return drop_token(HttpResponseRedirect(address), NAME, PAGE)


def _show(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    return render(request, "dashboard/people/invitation.html", context)
