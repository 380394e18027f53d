"""`/signin/forgotten`: ask for a link; `/password`: the new password that it sets."""

from http import HTTPStatus
from typing import Any

from celery import current_app
from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from kombu.exceptions import OperationalError

from analytics.keys.failures import FailureLimit, group_address
from analytics.task_names import MAINTENANCE_QUEUE, SEND_RESETS
from analytics.web.client_ip import client_ip
from analytics.web.problems import Unavailable
from dashboard.web.access import telling
from dashboard.web.people.links import WrongToken, drop_token, opening, with_token
from people.accounts.resets import NotGood, find_reset, use_reset
from people.mail import can_mail

NAME, PAGE = "password_reset", "dashboard:reset"
BY_ADDRESS = FailureLimit("forgotten passwords by address", 10, 900)
BY_NAME = FailureLimit("forgotten passwords by name", 3, 900)


class ForgottenForm(forms.Form):
    name = forms.CharField(max_length=254, label="Username or e-mail")


open_reset = opening(NAME, PAGE)


@require_http_methods(["GET", "HEAD", "POST"])
@telling
def ask(request: HttpRequest) -> HttpResponse:
    """One answer, whether there is such an account or not."""
    form = ForgottenForm(request.POST or None)
    context: dict[str, Any] = {"form": form, "can_mail": can_mail()}
    status = HTTPStatus.OK
    if request.method == "POST" and can_mail() and form.is_valid():
        name = form.cleaned_data["name"]
        if seconds := _count(request, name):
            form.add_error(None, f"Too many links. Try again in {-(-seconds // 60)} minutes.")
            status = HTTPStatus.TOO_MANY_REQUESTS
        else:
            _signal(request, name)
            context["is_asked"] = True
    response = render(request, "dashboard/people/forgotten.html", context, status=status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        response["Retry-After"] = str(seconds)
    return response


def _count(request: HttpRequest, name: str) -> int:
    """Each asking counts, as a failure does elsewhere; how many seconds it has to wait."""
    address = group_address(client_ip(request.META))
    limits = ((BY_ADDRESS, address), (BY_NAME, name.casefold()))
    if waits := max(limit.check(subject) for limit, subject in limits):
        return waits
    for limit, subject in limits:
        limit.count(subject)
    return 0


def _signal(request: HttpRequest, name: str) -> None:
    """Raises Unavailable."""
    base = request.build_absolute_uri(reverse("dashboard:open_reset", args=["-"])).removesuffix("-")
    try:
        current_app.send_task(
            SEND_RESETS, (name, base), queue=MAINTENANCE_QUEUE, retry=False, ignore_result=True
        )
    except (OperationalError, OSError) as exc:
        raise Unavailable("The link could not be sent. Try again.", code="unavailable") from exc


@with_token(NAME)
def choose(request: HttpRequest, token: str) -> HttpResponse:
    try:
        user = find_reset(token)
        form = SetPasswordForm(user, request.POST or None)
        if request.method != "POST" or not form.is_valid():
            context = {"form": form, "of": user.get_username()}
            return render(request, "dashboard/people/new_password.html", context)
        use_reset(token, form.cleaned_data["new_password1"])
    except NotGood as exc:
        raise WrongToken from exc
    return drop_token(HttpResponseRedirect(reverse("dashboard:sign_in")), NAME, PAGE)
