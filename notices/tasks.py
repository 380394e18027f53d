"""The Celery tasks: each an interface to one plain function. None carries a notice.

The first two only wake what goes on beside the tasks (`notices/apart.py`).
"""

from celery import shared_task
from celery.signals import worker_ready

from analytics import task_names
from notices.recipients.consent import Recipient
from notices.rounds import LOOKING, SENDING
from notices.rules.now import signal_looking, signal_sending
from notices.rules.store import find_rule
from notices.rules.terms import find_project
from notices.sending.asking import mail_asking


@shared_task(name=task_names.LOOK_AT_RULES, ignore_result=True)
def look_at_rules_task() -> None:
    LOOKING.wake()


@shared_task(name=task_names.SEND_NOTICES, ignore_result=True)
def send_notices_task() -> None:
    SENDING.wake()


@shared_task(name=task_names.ASK_RECIPIENT, ignore_result=True)
def ask_recipient_task(project_id: str, rule_id: str, address: str) -> None:
    """Apart from the page, which does not wait for a server of mail."""
    recipient = Recipient(bytes.fromhex(project_id), rule_id, address)
    project = find_project(recipient.project)
    rule = find_rule(recipient.project, rule_id)
    if project is not None and rule is not None:
        mail_asking(recipient, project.name, rule["name"])


@worker_ready.connect
def go_on_unasked(**_: object) -> None:
    """A starting worker goes on at once with what is late since the last one died."""
    signal_looking()
    signal_sending()
