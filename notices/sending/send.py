"""Send one notice to its target: the one way out, for the outbox."""

from urllib.parse import quote

import structlog
from django.conf import settings

from notices.documents import MailTarget, NoticeDocument, Outcome, WebhookTarget
from notices.recipients.consent import Recipient, make_unsubscribing
from notices.recipients.standing import is_wanted
from notices.rendering.mail import Links, render_mail
from notices.rendering.webhooks import render_webhook
from notices.sending.mail import send_mail
from notices.sending.outcome import dropped, failed, retry
from notices.sending.webhooks import post
from people.mail import can_mail

log = structlog.get_logger(__name__)

UNSUBSCRIBE_PATH = "/notices/unsubscribe/"


def can_send_mail() -> bool:
    """A mail that no page asked for needs to know where its links lead."""
    return can_mail() and bool(settings.PUBLIC_URL)


def send(notice: NoticeDocument) -> Outcome:
    """One attempt, of SEND_SECONDS at most. Raises nothing: what is in doubt is tried again."""
    try:
        target = notice["target"]
        if target["kind"] == "mail":
            return _mail(notice, target)
        return _post(notice, target)
    except Exception as exc:
        log.exception("notice_not_sent", error=type(exc).__name__)
        return retry("The service could not make it.")


def _mail(notice: NoticeDocument, target: MailTarget) -> Outcome:
    recipient = Recipient(notice["project"], notice["rule"], target["address"])
    if not is_wanted(recipient.project, recipient.rule, recipient.address):
        return dropped("The address has not confirmed, or wants no more.")
    if not can_send_mail():
        return failed("Mail is not set up here.")
    unsubscribe = f"{settings.PUBLIC_URL}{UNSUBSCRIBE_PATH}{quote(make_unsubscribing(recipient))}"
    links = Links(f"{settings.PUBLIC_URL}{notice['facts']['path']}", unsubscribe)
    message = render_mail(notice["facts"], links)
    return send_mail(target["address"], message, notice["key"], unsubscribe)


def _post(notice: NoticeDocument, target: WebhookTarget) -> Outcome:
    facts, shape = notice["facts"], target["shape"]
    page = f"{settings.PUBLIC_URL}{facts['path']}" if settings.PUBLIC_URL else ""
    body = render_webhook(facts, shape, page)
    return post(target["url"], body, notice["key"], target["secret"] if shape == "plain" else "")
