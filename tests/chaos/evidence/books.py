"""After a fault: what the senders saw, what is stored and what the books say must agree."""

import json
from collections import Counter
from dataclasses import dataclass
from io import StringIO

from django.core.management import call_command

from analytics.databases.mongo import DEAD_LETTERS, EVENTS, collection
from tests.chaos.evidence.load import Outcome
from tests.chaos.system import System, attempt, wait_for
from tests.conftest import TestProject
from upkeep.ledger.lines import Line, read_ledger


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    fault: str
    sent: int  # events
    accepted: int  # events of which at least one attempt was answered 202
    refused: int  # requests that were answered otherwise, or not at all
    stored: int  # events
    dead: int
    duplicates: int  # repeated attempts, as the books count them
    lost: int  # accepted, and neither stored nor dead
    stored_twice: int
    heal_seconds: float


def check_books(
    fault: str, project: TestProject, outcome: Outcome, system: System, heal_seconds: float
) -> Row:
    """Everything that was promised, compared; returns the row of the table."""
    stored = Counter(
        event["sessionId"]
        for event in collection(EVENTS).find({"project": project.id}, {"sessionId": 1})
    )
    buried = Counter(
        json.loads(letter["payload"])["sessionId"]
        for letter in collection(DEAD_LETTERS).find({"project": project.id}, {"payload": 1})
    )
    books = add_up(read_ledger(project.id))
    row = Row(
        fault=fault,
        sent=len(outcome.events),
        accepted=len(outcome.accepted),
        refused=outcome.refused,
        stored=len(stored),
        dead=books.dead,
        duplicates=books.duplicate,
        lost=len(outcome.accepted - stored.keys() - buried.keys()),
        stored_twice=sum(count > 1 for count in stored.values()),
        heal_seconds=heal_seconds,
    )
    assert outcome.strange == [], outcome.strange[:5]
    assert (row.lost, row.stored_twice) == (0, 0), row
    check_nobody_else_was_stored(stored, buried, outcome)
    check_ledger(project, books, stored, buried, outcome)
    check_reports(project, system, stored.total(), outcome, set(stored))
    return row


def check_nobody_else_was_stored(
    stored: Counter[str], buried: Counter[str], outcome: Outcome
) -> None:
    strangers = (stored.keys() | buried.keys()) - outcome.events.keys()
    assert not strangers, f"nobody sent {sorted(strangers)[:5]}"
    attempts = {mark: event.attempts for mark, event in outcome.events.items()}
    invented = {mark for mark in stored if not attempts[mark]}
    assert not invented, f"stored before it was sent: {sorted(invented)[:5]}"


def check_ledger(
    project: TestProject,
    books: Line,
    stored: Counter[str],
    buried: Counter[str],
    outcome: Outcome,
) -> None:
    assert (books.stored, books.dead) == (stored.total(), buried.total())
    assert (books.waiting, books.difference) == (0, 0)
    attempts = sum(event.attempts for event in outcome.events.values())
    accepted = sum(event.accepted for event in outcome.events.values())
    assert accepted <= books.accepted <= attempts
    call_command("ledger", deep=True, project=project.id.hex(), stdout=StringIO())


def check_reports(
    project: TestProject, system: System, stored: int, outcome: Outcome, marks: set[str]
) -> None:
    users = {outcome.events[mark].body.get("userId") for mark in marks} - {None}
    status, stats = system.get("/stats", project.read_key)
    assert status == 200
    assert (stats["totalViews"], stats["uniqueUsers"]) == (stored, len(users))
    call_command("verify_rollups", project=[project.id.hex()], stdout=StringIO())


def add_up(lines: list[Line]) -> Line:
    total = Line(b"", 0)
    for line in lines:
        for column in ("accepted", "stored", "duplicate", "dead", "waiting"):
            setattr(total, column, getattr(total, column) + getattr(line, column))
    return total


def wait_until_drained(project: TestProject, seconds: float) -> None:
    def is_drained() -> bool:
        return add_up(attempt(lambda: read_ledger(project.id))).waiting == 0

    wait_for(is_drained, seconds, "all that was accepted is drained")
