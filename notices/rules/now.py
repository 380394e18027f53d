"""One rule said now, to one target: the same text as when its time comes."""

import secrets
from datetime import datetime

from analytics.projects.models import Project
from analytics.task_names import LOOK_AT_RULES, MAINTENANCE_QUEUE, SEND_NOTICES
from ingestion.stream.signals import send_quietly
from notices.documents import Facts, NoticeDocument, RuleDocument, Target
from notices.outbox.notices import add_notices, has_room, make_notice
from notices.rules.alerts import Look, find_slots, tell_alert
from notices.rules.asking import Broken, Desk, open_desk
from notices.rules.keeping import find
from notices.rules.reports import tell_report
from notices.rules.slots import find_due_report


def send_now(project: Project, rule_id: str, target: Target, now: datetime) -> NoticeDocument:
    """The notice, which waits to be sent; how it stands is told by `find_notice`.

    A report is of the last window that is over; an alert says what it would if it held. Raises
    NoRule, Broken, and what asking does.
    """
    rule = find(project, rule_id)
    facts = tell_now(rule, open_desk(project, now))
    if not has_room(project.id_bytes, 1):
        raise Broken("too_many_waiting", "Too many notices of this project wait to be sent.")
    what = f"now:{secrets.token_hex(8)}"
    notice = make_notice(project.id_bytes, rule_id, what, target, facts, now)
    add_notices([notice])
    signal_sending()
    return notice


def tell_now(rule: RuleDocument, desk: Desk) -> Facts:
    """What it would say. Raises as `send_now`."""
    if rule["kind"] == "report":
        terms = rule["report"]
        slot = find_due_report(terms["every"], terms["hour"], desk.zone, desk.now)
        return tell_report(desk, rule, slot, waiting=0, is_test=True)
    before, slot = find_slots(desk, rule["alert"])
    look = Look(desk, rule["alert"], slot, before)
    return tell_alert(desk, rule, look, "fired", since=slot.start, is_test=True)


def signal_looking() -> None:
    """Ask a worker to look at the rules that are due, as of one that was just made."""
    send_quietly(LOOK_AT_RULES, MAINTENANCE_QUEUE)


def signal_sending() -> None:
    """Ask a worker to send what waits. A lost signal is harmless: beat asks soon."""
    send_quietly(SEND_NOTICES, MAINTENANCE_QUEUE)
