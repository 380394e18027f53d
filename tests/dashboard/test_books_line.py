"""At the foot of the page: that the books balance. Where they do not, it is above everything."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from analytics.databases.mongo import collection
from analytics.metrics.sightings import note_columns_verified, note_verified
from dashboard.parts.trust import books
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject
from tests.dashboard.questions.reading import show
from upkeep.ledger import steady
from upkeep.ledger.lines import Line


def send(project: TestProject, count: int) -> None:
    events = [{"path": "/"} for _ in range(count)]
    assert Api(project.ingest_key).post("/events", events).status_code == 202


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).strip()


def test_it_is_quiet_while_they_balance(signed_in: Client, project: TestProject) -> None:
    send(project, 2)
    waiting = text_of(show(signed_in, project, "books"))
    drain(0, force=True)
    note_verified(0)
    note_columns_verified(0)

    page = show(signed_in, project, "books")

    assert waiting == "Books balance 2 events on their way, not counted yet"
    assert re.fullmatch(r"Books balance, verified \d\sminutes? ago", text_of(page))
    assert 'class="alarm"' not in page


def test_what_is_missing_stands_above_everything_also_without_a_script(
    signed_in: Client, project: TestProject
) -> None:
    send(project, 3)
    drain(0, force=True)
    collection("ledger_summaries").update_one({"project": project.id}, {"$inc": {"stored": -2}})

    part = show(signed_in, project, "books")
    page = show(signed_in, project, "", full=1)

    assert '<div id="alarm" hx-swap-oob="true"><p class="alarm" role="alert">' in part
    assert "The books do not balance: 2 events are not where they should be" in part
    assert page.count('id="alarm"') == 1
    assert page.index("2 events are not where they should be") < page.index(
        'data-metric="visitors"'
    )
    assert 'data-books="off"' in page


def test_what_the_last_look_found_is_told(signed_in: Client, project: TestProject) -> None:
    send(project, 1)
    drain(0, force=True)
    note_verified(3)

    page = show(signed_in, project, "books")

    assert "the last look at all of this service found 3 differences" in page
    assert 'class="alarm"' not in page


def test_what_is_in_flight_is_not_missing(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = iter([[Line(project.id, 20_000, accepted=9, stored=4)],
                     [Line(project.id, 20_000, accepted=9, stored=7)],
                     [Line(project.id, 20_000, accepted=9, stored=9)]])  # fmt: skip
    monkeypatch.setattr(steady, "read_since", lambda *_: next(readings))

    assert books.read_standing(project.row, datetime.now(UTC)).missing == 0


def test_what_stays_missing_is_told_by_its_smallest_count(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = iter([[Line(project.id, 20_000, accepted=9, stored=8 - more)] for more in (2, 0, 1)])
    monkeypatch.setattr(steady, "read_since", lambda *_: next(readings))

    assert books.read_standing(project.row, datetime.now(UTC)).missing == 1
