"""The mail that asks an address whether it wants a rule's mail."""

from urllib.parse import quote

from django.conf import settings

from notices.recipients.consent import Recipient, note_mailed, write_confirming
from notices.recipients.standing import LINK_LIFETIME
from notices.rendering.texts import one_line
from people.mail import mail

CONFIRM_PATH = "/notices/confirm/"


def mail_asking(recipient: Recipient, project_name: str, rule_name: str) -> bool:
    """Whether the server took it. Of what was mailed already it is not mailed again."""
    token = write_confirming(recipient)
    if token is None or not settings.PUBLIC_URL:
        return False
    project, rule = one_line(project_name, 100), one_line(rule_name, 100)
    text = (
        f"Somebody wants to send you “{rule}”: numbers of {project}, by mail.\n\n"
        f"If you want it, say so here:\n\n{settings.PUBLIC_URL}{CONFIRM_PATH}{quote(token)}\n\n"
        f"The link works for {LINK_LIFETIME.days} days. If you do nothing, you get nothing.\n"
    )
    if not mail(recipient.address, f"{project}: do you want “{rule}” by mail?", text):
        return False
    note_mailed(recipient)
    return True
