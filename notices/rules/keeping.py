"""Rules as members keep them: listed with how they stand, saved, paused, taken up, removed.

Who may do so is decided where the page is asked for (`people/members/roles.py`: editors). Every
function names its project, and finds no rule of another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.core.exceptions import ValidationError

from analytics.audit import record
from analytics.keys.key_text import draw_key_id
from analytics.projects.models import Project
from notices.documents import NoticeDocument, RuleDocument
from notices.outbox.notices import list_notices, remove_waiting
from notices.rules import store
from notices.rules.asking import Desk, open_desk
from notices.rules.slots import Slot, find_due_report, find_next_report, find_next_unit
from notices.rules.store import list_rules
from notices.rules.terms import Draft, check_draft
from people.saved.models import TooMany

MOST_RULES = 50
"""Of a project."""
SHOWN_NOTICES = 20

Standing = Literal["paused", "trouble", "firing", "ok"]


class NoRule(LookupError):
    """There is no such rule in this project."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A rule, how it stands, what comes next, and what became of the last.

    `next` is the window that is told of, or judged, next, and when; None while it is paused, and
    of what is looked at every minute. `notices` are the latest, the last first, one a target.
    """

    rule: RuleDocument
    standing: Standing
    next: Slot | None
    notices: Sequence[NoticeDocument]


def list_kept(project: Project, now: datetime) -> list[Kept]:
    """All rules of a project, in the order in which they were made."""
    desk = open_desk(project, now)
    return [_show(desk, rule) for rule in list_rules(project.id_bytes)]


def find_kept(project: Project, rule_id: str, now: datetime) -> Kept:
    """Raises NoRule."""
    return _show(open_desk(project, now), find(project, rule_id))


def find(project: Project, rule_id: str) -> RuleDocument:
    """Raises NoRule."""
    rule = store.find_rule(project.id_bytes, rule_id)
    if rule is None:
        raise NoRule(rule_id)
    return rule


def add(project: Project, draft: Draft, by: str, now: datetime) -> RuleDocument:
    """Keep a new rule. Raises ValidationError by the fields of the draft, and TooMany."""
    desk = open_desk(project, now)
    check_draft(desk, draft)
    if len(list_rules(project.id_bytes)) >= MOST_RULES:
        raise TooMany(f"A project has up to {MOST_RULES} rules: remove one first.")
    rule: RuleDocument = {
        "_id": draw_key_id(),
        "project": project.id_bytes,
        "kind": "alert" if "alert" in draft else "report",
        "name": draft["name"],
        "targets": draft["targets"],
        "createdBy": by,
        "createdAt": now,
        "pausedAt": None,
        "revision": 1,
        **_begin(now),  # type: ignore[typeddict-item]
        "lookedAt": None,
        "value": None,
        "history": [],
    }
    _put_terms(rule, draft)
    store.rules().insert_one(rule)
    record(by, project.pk, "rule.added", rule["name"], kind=rule["kind"])
    return rule


def change(project: Project, rule_id: str, draft: Draft, by: str, now: datetime) -> RuleDocument:
    """Say it otherwise; it begins anew, as one that was just made. Raises as `add`, and NoRule.

    A rule stays an alert, or a report.
    """
    desk = open_desk(project, now)
    check_draft(desk, draft)
    rule = find(project, rule_id)
    if rule["kind"] not in draft:
        raise ValidationError("A rule stays what it was made as.")
    fields: dict[str, Any] = {"name": draft["name"], "targets": draft["targets"]}
    fields[rule["kind"]] = draft[rule["kind"]]
    if rule["pausedAt"] is None and not _says_the_same(rule, draft):
        fields |= _begin(now)
    _write(project, rule_id, fields)
    record(by, project.pk, "rule.changed", draft["name"])
    return find(project, rule_id)


def pause(project: Project, rule_id: str, by: str, now: datetime) -> None:
    """Neither look at it nor tell of it until it is taken up. Raises NoRule."""
    rule = find(project, rule_id)
    if rule["pausedAt"] is None:
        _write(project, rule_id, {"pausedAt": now, "nextAt": None})
        record(by, project.pk, "rule.paused", rule["name"])


def resume(project: Project, rule_id: str, by: str, now: datetime) -> None:
    """From now on, and not for what was meanwhile. Raises NoRule."""
    rule = find(project, rule_id)
    if rule["pausedAt"] is not None:
        _write(project, rule_id, {"pausedAt": None, **_begin(now)})
        record(by, project.pk, "rule.resumed", rule["name"])


def remove(project: Project, rule_id: str, by: str) -> None:
    """With what it would still have said. Raises NoRule."""
    rule = find(project, rule_id)
    store.rules().delete_one({"_id": rule_id, "project": project.id_bytes})
    remove_waiting(project.id_bytes, rule_id)
    record(by, project.pk, "rule.removed", rule["name"])


def find_next_window(desk: Desk, rule: RuleDocument) -> Slot | None:
    """What is told of, or judged, next; one that is due and was not told of yet comes first."""
    if rule["pausedAt"] is not None:
        return None
    if rule["kind"] == "report":
        terms = rule["report"]
        due = find_due_report(terms["every"], terms["hour"], desk.zone, desk.now)
        last = rule["lastWindow"]
        if due.at > rule["since"] and (last is None or due.label > last):
            return due
        return find_next_report(terms["every"], terms["hour"], desk.zone, desk.now)
    if rule["alert"]["running"] or rule["alert"]["silentMinutes"]:
        return None
    return find_next_unit(rule["alert"]["unit"], desk.zone, desk.now)


def _show(desk: Desk, rule: RuleDocument) -> Kept:
    notices = list_notices(desk.project.id_bytes, rule["_id"], SHOWN_NOTICES)
    return Kept(rule, _stand(rule), find_next_window(desk, rule), notices)


def _stand(rule: RuleDocument) -> Standing:
    if rule["pausedAt"] is not None:
        return "paused"
    if rule["trouble"]:
        return "trouble"
    return "firing" if rule["firing"] else "ok"


def _begin(now: datetime) -> dict[str, Any]:
    """How a rule stands that is looked at from now on."""
    return {
        "since": now,
        "nextAt": now,
        "lastWindow": None,
        "firing": False,
        "firingSince": None,
        "told": False,
        "toldAt": None,
        "trouble": None,
    }


def _says_the_same(rule: RuleDocument, draft: Draft) -> bool:
    """Whether only its name, or who is told, is another."""
    return bool(rule.get(rule["kind"]) == draft.get(rule["kind"]))


def _put_terms(rule: RuleDocument, draft: Draft) -> None:
    if "alert" in draft:
        rule["alert"] = draft["alert"]
    else:
        rule["report"] = draft["report"]


def _write(project: Project, rule_id: str, fields: dict[str, Any]) -> None:
    """Over a look that is under way: what it finds is of the rule as it was, and goes. NoRule."""
    written = store.rules().update_one(
        {"_id": rule_id, "project": project.id_bytes},
        {"$set": fields, "$inc": {"revision": 1}},
    )
    if not written.matched_count:
        raise NoRule(rule_id)
