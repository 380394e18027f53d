"""What a form of the page leads to beside the rule: somebody is asked, or sent something now."""

from typing import Any
from urllib.parse import urlsplit

from celery import current_app
from django.contrib import messages
from django.http import Http404, HttpRequest
from kombu.exceptions import OperationalError

from analytics.projects.models import Project
from analytics.task_names import ASK_RECIPIENT, MAINTENANCE_QUEUE
from dashboard.asking import read_clock
from dashboard.web.access import user_of
from notices.documents import MailTarget, RuleDocument, Target
from notices.outbox.notices import digest_target
from notices.recipients.consent import Recipient, TooOften, ask
from notices.recipients.standing import Standing, is_wanted, list_standings
from notices.rules.asking import Broken
from notices.rules.now import send_now
from notices.sending.send import can_send_mail


def ask_addresses(request: HttpRequest, project: Project, rule: RuleDocument) -> None:
    """Those that nobody asked yet. Who said no is not asked by the way."""
    mails = [target["address"] for target in rule["targets"] if target["kind"] == "mail"]
    standings = list_standings(project.id_bytes, rule["_id"], mails)
    for address, standing in standings.items():
        if standing in (Standing.UNASKED, Standing.EXPIRED):
            _ask(request, project, rule, address)


def ask_again(request: HttpRequest, project: Project, rule: RuleDocument) -> None:
    """Raises Http404."""
    target = _find_target(request, rule)
    if target["kind"] != "mail":
        raise Http404
    _ask(request, project, rule, target["address"])


def send_me(request: HttpRequest, project: Project, rule: RuleDocument) -> None:
    """To whoever asks, or to one of the rule's webhooks. Raises Http404, and what asking does."""
    target: Target
    if request.POST.get("target"):
        target = _find_target(request, rule)
        if target["kind"] != "webhook":
            raise Http404
        to = urlsplit(target["url"]).netloc
    else:
        to = str(getattr(user_of(request), "email", ""))
        if not to or not can_send_mail():
            messages.error(request, "Your account has no address, or mail is not set up here.")
            return
        if not is_wanted(project.id_bytes, rule["_id"], to):
            _ask(request, project, rule, to)
            return
        target = MailTarget(kind="mail", address=to)
    try:
        send_now(project, rule["_id"], target, read_clock())
    except Broken as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, f"It is on its way to {to}.")


def tell_secrets(request: HttpRequest, hook: Any, tag: str) -> None:
    """It travels in the browser's own cookie; the page shows it this once."""
    messages.warning(request, f"{urlsplit(hook['url']).netloc} {hook['secret']}", extra_tags=tag)


def read_secret(message: Any) -> dict[str, str]:
    """What `tell_secrets` wrote."""
    host, _, secret = str(message).partition(" ")
    return {"host": host, "secret": secret}


def _find_target(request: HttpRequest, rule: RuleDocument) -> Target:
    sent = request.POST.get("target", "")
    found = [target for target in rule["targets"] if digest_target(target) == sent]
    if not found:
        raise Http404
    return found[0]


def _ask(request: HttpRequest, project: Project, rule: RuleDocument, address: str) -> None:
    if not can_send_mail():
        messages.error(request, f"{address} cannot be asked: mail is not set up here.")
        return
    try:
        ask(Recipient(project.id_bytes, rule["_id"], address), user_of(request).get_username())
        current_app.send_task(
            ASK_RECIPIENT,
            (project.pk, rule["_id"], address),
            queue=MAINTENANCE_QUEUE,
            retry=False,
            ignore_result=True,
        )
    except TooOften as exc:
        hours = -(-exc.seconds // 3600)
        messages.error(request, f"{address} was asked too often. Ask again in {hours} hours.")
    except (OperationalError, OSError):
        messages.error(request, f"{address} could not be asked. Ask again.")
    else:
        messages.success(request, f"{address} is asked whether it wants this.")
