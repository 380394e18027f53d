"""Every table that the engine makes of files of columns is the one that is counted by hand.

Without stores: stored documents become files by the one encoder, and the question is asked of
them. So thousands of questions take seconds.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from analytics.databases.mongo import Document
from analytics.events.ids import ms_of_datetime
from analytics.projects.zones import begin_with
from analytics.web.problems import BadRequest
from columns.engine import open_engine
from columns.rows import encode_row, select_rows
from reporting.columns.dialect.table import answer_table
from reporting.columns.view import View
from reporting.questions.language.table import Asker, parse_table_query
from reporting.questions.timestamps import parse_zone
from reporting.web.table_wire import render_table
from tests.query_oracle.brute_force import Body, Project, answer
from tests.query_oracle.questions import questions
from tests.query_oracle.sameness import find_differences
from tests.query_oracle.samples import CHANGES
from tests.query_oracle.stories import Wire, events
from tests.stored import ENRICHED

NOW = datetime(2026, 11, 26, 12, 34, 56, tzinfo=UTC)
PROJECT = b"oracle12"

_numbers = count()

Case = tuple[str, bool, list[Wire], int, list[Body]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_engine(
        memory_mb=256, threads=1, folders=[folder], temp_folder=folder / "spill"
    ) as opened:
        yield opened


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A zone, the switch for bots, events, how many of them are in the first file, questions."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    middle = datetime.fromisoformat(CHANGES[zone])
    sent = draw(st.lists(events(middle), max_size=20))
    asked = draw(st.lists(questions(middle), min_size=1, max_size=4))
    return zone, draw(st.booleans()), sent, draw(st.integers(0, len(sent))), asked


def as_stored(number: int, event: Wire) -> Document:
    moment = event["timestamp"]
    moment = NOW - moment if isinstance(moment, timedelta) else moment
    found = {name: value for name, value in event[ENRICHED].items() if value is not None}
    found |= {name: value for name, value in event.items() if name != ENRICHED}
    return found | {
        "_id": PROJECT + number.to_bytes(16, "big"),
        "place": number.to_bytes(14, "big"),
        "timestamp": moment,
        "ingestedAt": moment,
    }


def as_projected(document: Document) -> Document:
    """As `columns.rows.PROJECTION` asks for it."""
    times = {name: ms_of_datetime(document[name]) for name in ("timestamp", "ingestedAt")}
    return document | times


def write_file(
    engine: duckdb.DuckDBPyConnection, folder: Path, documents: list[Document]
) -> tuple[str, ...]:
    if not documents:
        return ()
    lines = folder / f"{next(_numbers)}.jsonl"
    lines.write_bytes(b"".join(encode_row(as_projected(found)) + b"\n" for found in documents))
    made = lines.with_suffix(".parquet")
    engine.execute(f"COPY ({select_rows(lines)}) TO '{made}' (FORMAT parquet)")
    return (str(made),)


def assert_tables(engine: duckdb.DuckDBPyConnection, folder: Path, case: Case) -> None:
    zone, leaves_out_bots, sent, first, asked = case
    documents = [as_stored(number, event) for number, event in enumerate(sent)]
    segments, tail = (
        write_file(engine, folder, part) for part in (documents[:first], documents[first:])
    )
    view = View(segments, tail, (), (), NOW, None, len(documents))
    asker = Asker(PROJECT, NOW, parse_zone(zone), leaves_out_bots=leaves_out_bots)
    for body in asked:
        note(str(body))
        try:
            query = parse_table_query(json.dumps(body).encode(), asker)
        except BadRequest as exc:
            assert "never had the day" in str(exc.detail), body
            continue
        got = render_table(query, answer_table(engine, view, query), begin_with(zone))
        wanted = answer(documents, body, Project(ZoneInfo(zone), leaves_out_bots), NOW)
        assert not find_differences(json.loads(json.dumps(got)), wanted)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(
    deadline=None, max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True
)  # what is new is looked for at night
@given(case=cases())
def test_every_table_equals_brute_force(
    engine: duckdb.DuckDBPyConnection, folder: Path, case: Case
) -> None:
    assert_tables(engine, folder, case)


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
@settings(deadline=None, max_examples=1_500, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_every_one_of_many_tables_equals_brute_force(
    engine: duckdb.DuckDBPyConnection, folder: Path, case: Case
) -> None:
    assert_tables(engine, folder, case)
