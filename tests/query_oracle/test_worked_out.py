"""The visits that the engine works out of files of columns are those that are told by hand."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events.ids import ms_of_datetime
from columns.files.layout import OF_VISITS, VISIT_TYPES
from tests.query_oracle.brute.values import Event
from tests.query_oracle.brute.visits import VISIT, place_in_visits
from tests.query_oracle.files import as_stored, write_file
from tests.query_oracle.samples import CHANGES
from tests.query_oracle.stories import Wire, busy_events, busy_moments


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, list[Wire]]:
    zone = draw(st.sampled_from(sorted(CHANGES)))
    middle = datetime.fromisoformat(CHANGES[zone])
    event = busy_events(draw(busy_moments(zone, middle)))
    least = draw(st.sampled_from([1, 20, 40]))
    return zone, draw(st.lists(event, min_size=least, max_size=60))


def tell(event: Event) -> dict[str, Any]:
    """The columns of its visit that an event must have, as questions see it."""
    told: dict[str, Any] = dict.fromkeys(VISIT_TYPES)
    told |= {column: event.get(name) for name, column in OF_VISITS.items()}
    told["visitFirst"] = False
    if VISIT in event:
        visit = event[VISIT]
        told |= {
            "visitStart": ms_of_datetime(visit.begin),
            "visitMs": (visit.events[-1]["timestamp"] - visit.begin) // timedelta(milliseconds=1),
            "visitViews": len(visit.views),
            "visitBounced": visit.bounced,
            "visitFirst": visit.events[0] is event,
            "entryPath": event["entryPath"],
            "exitPath": event["exitPath"],
        }
    return told


def assert_worked_out(
    engine: duckdb.DuckDBPyConnection, folder: Path, case: tuple[str, list[Wire]]
) -> None:
    zone, sent = case
    documents = [as_stored(number, event) for number, event in enumerate(sent)]
    [file] = write_file(engine, folder, documents, zone)
    found = engine.execute(f"SELECT * FROM read_parquet('{file}')")
    names = [column[0] for column in found.description]
    got = {row[names.index("id")]: dict(zip(names, row, strict=True)) for row in found.fetchall()}
    for event in place_in_visits(documents, ZoneInfo(zone)):
        row = got.pop(bytes(event["_id"])[8:])
        assert {name: row[name] for name in VISIT_TYPES} == tell(event)
    assert not got


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=25)  # what is new is looked for at night
@given(case=cases())
def test_every_visit_that_is_worked_out_is_the_one_told_by_hand(
    engine: duckdb.DuckDBPyConnection, folder: Path, case: tuple[str, list[Wire]]
) -> None:
    assert_worked_out(engine, folder, case)


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
@settings(max_examples=1_500)
@given(case=cases())
def test_every_one_of_many_visits_is_the_one_told_by_hand(
    engine: duckdb.DuckDBPyConnection, folder: Path, case: tuple[str, list[Wire]]
) -> None:
    assert_worked_out(engine, folder, case)
