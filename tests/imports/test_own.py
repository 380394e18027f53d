"""Exports of ours are imported elsewhere: each event is what it was, and so are the answers."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from analytics.events.moments import format_moment
from exchange.incoming.looking import make_choice
from exchange.outgoing.job import file_of
from tests.conftest import TestProject
from tests.exchange.exports import export, stored
from tests.imports.imports import ask, bring, bring_export, run
from tests.stored import store_events
from upkeep.ledger.lines import read_ledger

EVENTS: list[dict[str, Any]] = [
    {"path": "/a?utm_source=News", "userId": "ada", "referrer": "https://www.google.com/"},
    {"path": "/b", "event": "buy", "eventId": "order 7", "properties": {"n": 5.0, "m": 2**60}},
    {"path": "/c", "userAgent": "Mozilla/5.0 (compatible; GPTBot/1.2)", "title": "=1+1"},
    {"path": "/d", "timestamp": "2020-02-29T12:00:00.123Z", "screen": "1x1", "language": "mi"},
]


@pytest.fixture
def filled(project: TestProject) -> TestProject:
    store_events(project, EVENTS)
    store_events(project, [{"path": "/public", "userId": "ada"}], public=True, from_page=True)
    return project


@pytest.mark.parametrize("options", [{}, {"withAddresses": True}])
@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet"])
def test_what_was_exported_is_the_same_in_another_project(
    filled: TestProject, other_project: TestProject, format_: Any, options: dict[str, bool]
) -> None:
    done = bring_export(other_project, export(filled, format_, **options))
    addresses = bool(options)
    expected = stored(filled, addresses=addresses)
    assert stored(other_project, addresses=addresses) == expected
    assert done["report"]["rows"] == done["counts"]["imported"] == len(expected)
    [line] = read_ledger(other_project.id)
    assert (line.accepted, line.stored, line.imported) == (5, 5, 5)


def test_an_event_that_says_it_came_in_the_future_is_left_out(project: TestProject) -> None:
    """It would be kept for ever, and until after the last year that anybody can read."""
    project.row.retention_days = 30
    project.row.save()
    now = format_moment(datetime.now(UTC))
    row = {
        "id": "01923f6e-8a4b-7c3d-9e5f-0a1b2c3d4e5f",
        "timestamp": now,
        "event": "buy",
        "path": "/",
    }
    rows = [{**row, "ingestedAt": 253_402_300_799_999}, {**row, "ingestedAt": now}]
    content = "\n".join(map(json.dumps, rows)).encode()
    first = run(project, ask(project, content.partition(b"\n")[0]))
    assert first["report"]["leftOut"] == {"timestamp_in_future": 1}
    assert stored(project) == []
    second = run(project, ask(project, content.partition(b"\n")[2]))
    assert (second["report"]["leftOut"], second["counts"]["imported"]) == ({}, 1)


def test_what_was_exported_for_a_spreadsheet_is_the_same_in_another_project(
    filled: TestProject, other_project: TestProject
) -> None:
    titles = ["'=2", "''", "-1", "it's"]  # cells that are escaped, and such as seem to be
    store_events(filled, [{"path": "/cells", "title": title} for title in titles])
    path = file_of(export(filled, "csv", spreadsheet=True))
    bring(other_project, path, make_choice("own", options={"spreadsheet": True}))
    assert stored(other_project) == stored(filled)
