"""Looks at reports: after each window its numbers, as the page shows them, go out once."""

from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.db.models import QuerySet
from redis.exceptions import RedisError

from notices.documents import (
    BooksFacts,
    Figure,
    GoalFacts,
    HistoryEntry,
    ListFacts,
    ListRow,
    NoteFacts,
    ReportFacts,
    RuleDocument,
)
from notices.outbox.notices import has_room, make_notice
from notices.rules.arrivals import count_waiting
from notices.rules.asking import Broken, Desk, join, read_filters, read_goal, tell_window
from notices.rules.books import read_books
from notices.rules.facts import tell_common
from notices.rules.slots import (
    GRACE,
    Slot,
    find_due_report,
    find_next_report,
    list_past_reports,
)
from notices.rules.store import limit_wait, write_look
from people.saved.filters import Json
from people.saved.models import Goal
from people.saved.notes import Note, list_notes

FIGURES = ("visitors", "visits", "views", "viewsPerVisit", "bounceRate", "visitDuration")
LISTS = ("path", "source", "country")
ROWS = 5
MOST_NOTES = 10
MOST_MISSED = 5
# Of a rule that nobody looked at for years, no more are counted.
MOST_COUNTED = 1_000
# A window whose events are not in is told of after so long all the same.
LONGEST_WAIT = timedelta(hours=6)
STEP = timedelta(minutes=1)


def find_rest(rule: RuleDocument, desk: Desk) -> datetime | None:
    """When to look again, where there is nothing to tell now; None: there is."""
    terms = rule["report"]
    slot = find_due_report(terms["every"], terms["hour"], desk.zone, desk.now)
    if is_done(rule, slot):
        return limit_wait(find_next(rule, desk).at, desk.now)
    if desk.now < slot.end + GRACE:
        return slot.end + GRACE
    must_wait = desk.now < slot.at + LONGEST_WAIT and count_waiting(desk.project, slot.end)
    return desk.now + STEP if must_wait else None


def find_next(rule: RuleDocument, desk: Desk) -> Slot:
    return find_next_report(rule["report"]["every"], rule["report"]["hour"], desk.zone, desk.now)


def look_at(rule: RuleDocument, desk: Desk) -> None:
    """Raises Broken, Conflict, and what asking does."""
    terms = rule["report"]
    slot = find_due_report(terms["every"], terms["hour"], desk.zone, desk.now)
    waiting = count_waiting(desk.project, slot.end)
    facts = tell_report(desk, rule, slot, waiting=waiting, is_test=False)
    if not has_room(desk.project.id_bytes, len(rule["targets"])):
        raise Broken("too_many_waiting", "Too many notices of this project wait to be sent.")
    notices = [
        make_notice(
            desk.project.id_bytes, rule["_id"], f"report:{slot.label}", target, facts, desk.now
        )
        for target in rule["targets"]
    ]
    visitors = facts["figures"][0]["value"]
    change = {
        "lastWindow": slot.label,
        "lookedAt": desk.now,
        "value": visitors,
        "trouble": None,
        "nextAt": limit_wait(find_next(rule, desk).at, desk.now),
    }
    entry: HistoryEntry = {
        "at": desk.now,
        "what": "report",
        "start": slot.start,
        "end": slot.end,
        "value": visitors,
    }
    write_look(rule, change, notices, entry)


def is_done(rule: RuleDocument, slot: Slot) -> bool:
    """Whether that window was told of, or was due before the rule was made."""
    last = rule["lastWindow"]
    return slot.at <= rule["since"] or (last is not None and slot.label <= last)


def tell_report(
    desk: Desk, rule: RuleDocument, slot: Slot, *, waiting: int, is_test: bool
) -> ReportFacts:
    """Everything that it says; all numbers are of one moment. Raises Broken, as asking does."""
    terms = rule["report"]
    conditions = read_filters(terms["filters"])
    goals, trouble = _read_goals(Goal.of_project(desk.project.pk))
    base: Json = {**desk.write(slot), "filter": join(conditions), "compare": "previous"}
    figures, *answers = desk.ask(*_write(base, conditions, goals))
    lists, of_goals = answers[: len(LISTS)], answers[len(LISTS) :]
    missed = [] if is_test else _list_missed(desk, rule)
    notes = list_notes(desk.project.pk, slot.start, slot.end, desk.zone, MOST_COUNTED)
    books = _read_books(desk, slot, trouble)
    compared = figures["query"]["compare"]
    common = tell_common(
        desk, rule, slot, None, terms["filters"], unit=terms["every"], is_test=is_test
    )
    return {
        **common,
        "compared": {"start": compared["start"], "end": compared["end"], "unit": None},
        "kind": "report",
        "every": terms["every"],
        "filters": terms["filters"],
        "figures": [_read_figure(figures, index) for index in range(len(FIGURES))],
        "lists": [_read_list(name, found) for name, found in zip(LISTS, lists, strict=True)],
        "goals": [
            _read_goal(goal, found, figures)
            for (goal, _), found in zip(goals, of_goals, strict=True)
        ],
        "notes": [_tell_note(desk, note) for note in notes[-MOST_NOTES:]],
        "moreNotes": max(0, len(notes) - MOST_NOTES),
        "books": books,
        "events": int(figures["totals"][-1] or 0),
        "missed": [tell_window(desk, each, terms["every"]) for each in missed[:MOST_MISSED]],
        "moreMissed": max(0, len(missed) - MOST_MISSED),
        "waiting": waiting,
        "trouble": trouble,
    }


def _write(base: Json, conditions: list[Json], goals: list[tuple[Goal, Json]]) -> list[Json]:
    bodies: list[Json] = [{**base, "metrics": [*FIGURES, "events"]}]
    bodies += [
        {**base, "metrics": ["visitors"], "dimensions": [field], "limit": ROWS} for field in LISTS
    ]
    bodies += [
        {**base, "metrics": ["visitors"], "filter": join([*conditions, goal])} for _, goal in goals
    ]
    return bodies


def _read_goals(goals: "QuerySet[Goal]") -> tuple[list[tuple[Goal, Json]], list[str]]:
    """Those that can be asked for; the others are named in the trouble."""
    found, broken = [], False
    for goal in goals:
        try:
            found.append((goal, read_goal(goal)))
        except Broken:
            broken = True
    return found, ["goals"] if broken else []


def _read_figure(answer: Json, index: int) -> Figure:
    [row] = answer["results"]
    compare = row["compare"]
    return {
        "metric": answer["query"]["metrics"][index],
        "value": row["metrics"][index],
        "before": compare["metrics"][index],
        "change": compare["change"][index],
        "difference": compare["difference"][index],
    }


def _read_list(field: str, answer: Json) -> ListFacts:
    rows: list[ListRow] = [
        {
            "key": _spell(row["dimensions"][0]),
            "value": row["metrics"][0],
            "before": row["compare"]["metrics"][0],
            "change": row["compare"]["change"][0],
        }
        for row in answer["results"]
    ]
    return {"field": field, "metric": "visitors", "rows": rows, "total": answer["total"]}


def _spell(value: Any) -> str | None:
    return None if value is None else str(value)


def _read_goal(goal: Goal, answer: Json, figures: Json) -> GoalFacts:
    """The rate is the share of all visitors of the window, as on the page."""
    [row], whole = answer["results"], figures["totals"][0]
    people = row["metrics"][0]
    return {
        "id": goal.pk,
        "name": goal.name,
        "conversions": people,
        "rate": people / whole if whole else None,
        "before": row["compare"]["metrics"][0],
        "change": row["compare"]["change"][0],
    }


def _tell_note(desk: Desk, note: Note) -> NoteFacts:
    return {"at": desk.tell(note.at), "isDay": bool(note.day), "text": note.text}


def _read_books(desk: Desk, slot: Slot, trouble: list[str]) -> BooksFacts | None:
    try:
        return read_books(desk.project, slot)
    except (RedisError, OSError):
        trouble.append("books")
        return None


def _list_missed(desk: Desk, rule: RuleDocument) -> list[Slot]:
    """The windows before this one that were due, and nobody was told of; the latest first."""
    terms = rule["report"]
    past = list_past_reports(terms["every"], terms["hour"], desk.zone, desk.now)
    open_ones = takewhile(lambda slot: not is_done(rule, slot), past)
    found = [slot for _, slot in zip(range(MOST_COUNTED), open_ones, strict=False)]
    return found[1:]
