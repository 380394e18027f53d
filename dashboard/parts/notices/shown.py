"""Rules as the page lists them: what they say, to whom, what comes next and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.forms import BaseForm

from analytics.projects.models import Project
from dashboard.parts.notices.forms import AlertForm, ReportForm, RuleForm
from dashboard.parts.notices.targets import ShownTarget, show_target
from notices.documents import NoticeDocument, RuleDocument, WindowFacts
from notices.outbox.notices import digest_target
from notices.recipients.standing import list_standings
from notices.rendering.alerts import tell_terms
from notices.rendering.story import REPORTS, tell_filters
from notices.rendering.windows import tell_window
from notices.rules.keeping import Kept
from notices.rules.slots import Slot
from people.saved.models import Goal
from reporting.words.formats import format_day
from reporting.words.metrics import find_shown

FORMS: dict[str, type[RuleForm]] = {"report": ReportForm, "alert": AlertForm}
_STANDINGS = {"paused": "paused", "trouble": "in trouble", "firing": "firing", "ok": "on"}
_WORDS = {"fired": "fired", "again": "said again", "over": "over", "report": "made"}
_STATES = {
    "waiting": "waits to be sent",
    "sending": "is being sent",
    "sent": "sent",
    "failed": "failed",
    "dropped": "not sent",
}
SHOWN_HISTORY = 10
SHOWN_NOTICES = 6


@dataclass(frozen=True, slots=True)
class ShownNotice:
    key: str
    to: str
    what: str
    state: str
    said: str
    at: str
    detail: str
    attempts: int


@dataclass(frozen=True, slots=True)
class ShownRule:
    id: str
    kind: str
    name: str
    about: str
    filters: Sequence[str]
    standing: str
    said: str
    trouble: str
    next: str
    value: str  # of the last look, with what it counts
    history: Sequence[tuple[str, str, str]]  # when, what, how much
    targets: Sequence[ShownTarget]
    notices: Sequence[ShownNotice]
    form: BaseForm | None

    @property
    def last(self) -> ShownNotice | None:
        return self.notices[0] if self.notices else None

    @property
    def has_failed(self) -> bool:
        return any(notice.state == "failed" for notice in self.notices)


def show_rule(
    project: Project, kept: Kept, zone: tzinfo, *, form: BaseForm | None = None
) -> ShownRule:
    """`form` is the one that changes it; without it nobody may."""
    rule = kept.rule
    mails = [target["address"] for target in rule["targets"] if target["kind"] == "mail"]
    standings = list_standings(project.id_bytes, rule["_id"], mails)
    notices = [_show_notice(notice, zone) for notice in kept.notices[:SHOWN_NOTICES]]
    shown = find_shown("visitors" if rule["kind"] == "report" else rule["alert"]["metric"])
    terms: Any = rule[rule["kind"]]
    said = _STANDINGS[kept.standing]
    if kept.standing == "firing" and rule["firingSince"]:
        said = f"firing since {tell_moment(rule['firingSince'], zone)}"
    return ShownRule(
        id=rule["_id"],
        kind=rule["kind"],
        name=rule["name"],
        about=tell_rule(rule),
        filters=tell_filters(terms["filters"]),
        standing=kept.standing,
        said=said,
        trouble=rule["trouble"]["detail"] if rule["trouble"] else "",
        next=_tell_next(rule, kept.next, zone),
        value=f"{shown.label}: {shown.write(rule['value'])}" if rule["lookedAt"] else "",
        history=[
            (
                tell_moment(entry["at"], zone),
                f"{_WORDS[entry['what']]}, {_tell_slot(rule, entry['start'], entry['end'], zone)}",
                shown.write(entry["value"]),
            )
            for entry in rule["history"][:SHOWN_HISTORY]
        ],
        targets=[
            show_target(target, standings.get(_address(target)), digest_target(target))
            for target in rule["targets"]
        ],
        notices=notices,
        form=form,
    )


def tell_rule(rule: RuleDocument) -> str:
    if rule["kind"] == "report":
        terms = rule["report"]
        return f"{REPORTS[terms['every']]}, at {terms['hour']:02}:00."
    return tell_terms(rule["alert"], _find_goal(rule))


def tell_moment(moment: datetime, zone: tzinfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%a} {format_day(local)}, {local:%H:%M}"


def _find_goal(rule: RuleDocument) -> str:
    """The name of its goal, also of one that was deleted."""
    theirs = Goal.objects.filter(project_id=bytes(rule["project"]).hex(), pk=rule["alert"]["goal"])
    goal = theirs.first() if rule["alert"]["goal"] else None
    return goal.name if goal else ""


def _address(target: Any) -> str:
    return str(target.get("address", ""))


def _tell_next(rule: RuleDocument, slot: Slot | None, zone: tzinfo) -> str:
    if slot is None:
        return "" if rule["pausedAt"] else "looked at every minute"
    window = _tell_slot(rule, slot.start, slot.end, zone)
    return f"{tell_moment(slot.at, zone)}, for {window}"


def _tell_slot(rule: RuleDocument, start: datetime, end: datetime, zone: tzinfo) -> str:
    unit: Any = rule["report"]["every"] if rule["kind"] == "report" else rule["alert"]["unit"]
    if rule["kind"] == "alert" and rule["alert"]["silentMinutes"]:
        unit = None
    ends = [moment.astimezone(zone).isoformat() for moment in (start, end)]
    window: WindowFacts = {"start": ends[0], "end": ends[1], "unit": unit}
    return tell_window(window)


def _show_notice(notice: NoticeDocument, zone: tzinfo) -> ShownNotice:
    target = notice["target"]
    shown = show_target(target, None, "") if target["kind"] == "webhook" else None
    facts = notice["facts"]
    ended = notice.get("endedAt")
    return ShownNotice(
        key=notice["key"],
        to=shown.name if shown else _address(target),
        what=tell_window(facts["window"]),
        state=notice["state"],
        said=_STATES[notice["state"]],
        at=tell_moment(ended or notice["madeAt"], zone),
        detail=notice.get("detail", ""),
        attempts=notice["attempts"],
    )
