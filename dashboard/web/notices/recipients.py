"""`/notices/confirm/<token>` and `/notices/unsubscribe/<token>`: a yes and a no, by mail.

Nobody needs an account for them: the token says who they are. A look changes nothing, as programs
look at links in mail, too; the button does, and so does the one click of RFC 8058.
"""

from collections.abc import Callable
from http import HTTPStatus

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from analytics.keys.failures import group_address
from analytics.projects.models import Project
from analytics.web.client_ip import client_ip
from dashboard.web.access import telling, user_of
from notices.recipients.consent import (
    NotGood,
    Recipient,
    confirm,
    read_confirming,
    read_unsubscribing,
    unsubscribe,
)
from notices.rules.store import find_rule
from people.accounts.addresses import note_shown
from people.links import BY_ADDRESS

Read = Callable[[str], Recipient]


def _page(template: str, read: Read, act: Read, *, needs_rule: bool) -> Callable[..., HttpResponse]:
    """The token is all that a form needs; who has it may, whatever else their browser sends."""

    @csrf_exempt
    @require_http_methods(["GET", "HEAD", "POST"])
    @telling
    def shown(request: HttpRequest, token: str) -> HttpResponse:
        address = group_address(client_ip(request.META))
        if seconds := BY_ADDRESS.check(address):
            return _refuse(request, seconds)
        is_done = request.method == "POST"
        try:
            recipient = read(token)
            names = _find_names(recipient)
            if needs_rule and names is None:
                raise NotGood
            if is_done:
                act(token)
                _note_shown(request, recipient)
        except NotGood:
            BY_ADDRESS.count(address)
            return _refuse(request)
        project, rule = names or ("", "")
        context = {
            "address": recipient.address,
            "project_name": project,
            "rule": rule,
            "is_done": is_done,
        }
        response = render(request, f"dashboard/notices/{template}.html", context)
        response["Referrer-Policy"] = "no-referrer"
        return response

    return shown


confirm_page = _page("confirm", read_confirming, confirm, needs_rule=True)
unsubscribe_page = _page("unsubscribe", read_unsubscribing, unsubscribe, needs_rule=False)


def _note_shown(request: HttpRequest, recipient: Recipient) -> None:
    """Who has the mailbox is signed in: so the address of their account is theirs."""
    user = user_of(request)
    if isinstance(user, User):
        note_shown(user, recipient.address)


def _find_names(recipient: Recipient) -> tuple[str, str] | None:
    """Of the project and the rule; None where one of them is no more."""
    project = Project.objects.filter(pk=recipient.project.hex(), deleted_at=None).first()
    rule = find_rule(recipient.project, recipient.rule)
    return (project.name, rule["name"]) if project and rule else None


def _refuse(request: HttpRequest, seconds: int = 0) -> HttpResponse:
    status = HTTPStatus.TOO_MANY_REQUESTS if seconds else HTTPStatus.NOT_FOUND
    context = {"minutes": -(-seconds // 60)}
    response = render(request, "dashboard/notices/no_link.html", context, status=status)
    if seconds:
        response["Retry-After"] = str(seconds)
    return response
