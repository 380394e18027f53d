"""The whole service, with ClickHouse's engine behind it: over HTTP, segments, tail and all."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from analytics.databases.clickhouse import NEVER_CUT, ClickHouseError, close_client, read_rows
from analytics.databases.mongo import COLUMN_SEGMENTS, collection
from analytics.remembered import forget_everything
from columns.export import export_project
from columns.files.remote import name_of
from columns.merge import merge_project
from reporting.columns.dialect.behaviour.at_once import strict
from tests.clickhouse.object_store import object_store
from tests.clickhouse.story import EVENTS, QUESTIONS, WINDOW
from tests.conftest import Api, TestProject, make_project
from tests.query_oracle.questions import FUNNEL
from tests.stored import store_events
from upkeep.watch.clickhouse import check_clickhouse

pytestmark = [pytest.mark.clickhouse, pytest.mark.usefixtures("clickhouse")]


@pytest.fixture
def project(store: None) -> TestProject:
    """Some events in a cut segment, some in one that is not, the last in the tail."""
    project = make_project(leaves_out_bots=False)
    for events in EVENTS[:-1]:
        store_events(project, events)
        export_project(project.id)
        merge_project(project.id)
    store_events(project, EVENTS[-1])
    return project


def ask(project: TestProject, path: str, body: dict[str, Any]) -> Any:
    return Api(project.read_key).post(path, body)


def test_both_engines_say_the_same(project: TestProject, settings: Any) -> None:
    for path, body in QUESTIONS:
        settings.CLICKHOUSE_URL, url = "", settings.CLICKHOUSE_URL
        wanted = ask(project, path, body | WINDOW).json()
        settings.CLICKHOUSE_URL = url
        got = ask(project, path, body | WINDOW).json()

        assert wanted["meta"]["source"] == "columns"
        assert got["meta"]["source"] == "clickhouse", body
        for name in ("results", "totals", "total", "cohorts", "steps", "groups", "journeys"):
            assert got.get(name) == wanted.get(name), (path, body)


def test_segments_are_read_from_an_object_store(project: TestProject, settings: Any) -> None:
    before = ask(project, *_table()).json()
    forget_everything()
    with object_store(Path(settings.COLUMNS_URL)) as store:
        settings.CLICKHOUSE_FILES = store.url
        after = ask(project, *_table()).json()
        forget_everything()
        _lose_one(project)
        lost = ask(project, *_table())

    assert after["results"] == before["results"]
    assert after["meta"]["source"] == "clickhouse"
    assert {each.partition(" ")[0] for each in store.asked} == {"HEAD", "GET"}
    assert (lost.status_code, lost.json()["code"]) == (503, "columns_unavailable")


def test_what_duckdb_answers_says_so(project: TestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    store_events(project, [EVENTS[0][0]])  # two of one person in one millisecond
    monkeypatch.setattr(strict, "MAX_LINES", 0)
    step = {"field": "path", "op": "exists"}
    body = {"steps": [step, step], "order": "strict", "by": "user"}
    answered = ask(project, FUNNEL, body | WINDOW)

    assert answered.status_code == 200, answered.content
    assert answered.json()["meta"]["source"] == "columns"


def test_a_missing_segment_is_no_smaller_number(project: TestProject) -> None:
    _lose_one(project)

    answered = ask(project, *_table())

    assert (answered.status_code, answered.json()["code"]) == (503, "columns_unavailable")
    assert collection(COLUMN_SEGMENTS).count_documents({"damagedAt": {"$exists": True}}) == 0


def test_of_no_segments_at_all_it_says_so(project: TestProject) -> None:
    shutil.rmtree(django_settings.COLUMNS_URL)

    answered = ask(project, *_table())

    assert (answered.status_code, answered.json()["code"]) == (503, "columns_unavailable")


def test_a_pattern_that_is_refused_is_refused_in_the_same_words(
    project: TestProject, settings: Any
) -> None:
    body = {"metrics": ["events"], "filter": {"field": "path", "op": "matches", "values": ["("]}}
    got = ask(project, "/query", body | WINDOW)
    settings.CLICKHOUSE_URL = ""
    wanted = ask(project, "/query", body | WINDOW)

    assert (got.status_code, got.json()) == (400, wanted.json())


def test_a_statement_has_a_limit_of_memory_and_of_time(settings: Any) -> None:
    settings.CLICKHOUSE_MEMORY_MB = 64
    reasons = []
    for statement in (
        "SELECT length(groupArray(number)) FROM numbers(100000000)",
        "SELECT max(sipHash64(number)) FROM numbers(100000000000)",
    ):
        with pytest.raises(ClickHouseError) as raised:
            read_rows(statement, {}, {"max_threads": 1}, {}, 1.0)
        reasons.append(raised.value.reason)

    assert reasons == ["memory", "time"]


def test_a_statement_ends_when_nobody_waits_for_it(settings: Any) -> None:
    settings.QUERY_TIMEOUT_SECONDS = 0.2
    endless = "SELECT max(sipHash64(number)) FROM numbers(1000000000000)"
    with pytest.raises(ClickHouseError) as raised:
        read_rows(endless, {}, {}, {}, 100.0)
    close_client()
    settings.QUERY_TIMEOUT_SECONDS = 60.0

    # The engine answers one statement at a time here, and would be busy for 100 seconds.
    assert read_rows("SELECT 7 AS x", {}, {}, {}, 5.0)[1] == [(7,)]
    assert raised.value.reason == "gone"


def test_a_long_answer_is_none(settings: Any) -> None:
    with pytest.raises(ClickHouseError) as raised:
        read_rows("SELECT number FROM numbers(300000)", {}, {}, {}, 5.0)

    assert raised.value.reason == "memory"


def test_a_statement_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ClickHouseError):
        read_rows("CREATE TABLE x (y Int64) ENGINE = Memory", {}, {}, {}, 5.0)


def test_who_may_not_is_told_apart_from_nobody(project: TestProject, settings: Any) -> None:
    settings.CLICKHOUSE_URL = settings.CLICKHOUSE_URL.replace("reader", "stranger")

    answered = ask(project, *_table())

    assert (answered.status_code, answered.json()["code"]) == (503, "clickhouse_unavailable")
    assert "refused" in next(check_clickhouse()).what


def test_the_doctor_looks_at_version_files_and_limits(project: TestProject, settings: Any) -> None:
    found = " ".join(finding.what for finding in check_clickhouse())
    settings.CLICKHOUSE_FILES = "/nowhere"
    lost = " ".join(finding.what for finding in check_clickhouse())

    assert "ClickHouse 26.9" in found
    assert "sees the segments" in found
    assert "max_memory_usage_for_user unlimited" in found
    assert "of the" in lost


def _lose_one(project: TestProject) -> None:
    first = collection(COLUMN_SEGMENTS).find_one({"project": project.id})
    assert first is not None
    (Path(django_settings.COLUMNS_URL) / name_of(bytes(first["_id"]))).unlink()


def _table() -> tuple[str, dict[str, Any]]:
    return "/query", {"metrics": ["events"], "dimensions": ["path"]} | WINDOW


@pytest.mark.parametrize(
    "limits",
    [
        {"max_rows_to_read": 5, "read_overflow_mode": "break"},
        {"max_rows_to_group_by": 5, "group_by_overflow_mode": "any"},
        {"max_rows_to_sort": 5, "sort_overflow_mode": "break"},
        {"result_overflow_mode": "break"},
    ],
)
def test_what_is_too_much_is_no_part_of_an_answer(limits: dict[str, int | str]) -> None:
    statement = "SELECT number FROM numbers(1000000) GROUP BY number ORDER BY number DESC"
    with pytest.raises(ClickHouseError) as raised:
        read_rows(statement, {}, limits, {}, 30.0)

    assert raised.value.reason == "memory"


def test_every_way_to_cut_an_answer_is_known() -> None:
    names = "name LIKE '%overflow_mode%' OR name IN ('limit', 'offset')"
    _, rows = read_rows(f"SELECT name FROM system.settings WHERE {names}", {}, {}, {}, 30.0)

    assert {name.decode() for (name,) in rows} == NEVER_CUT.keys()


def test_a_profile_that_asks_for_a_few_rows_cuts_no_answer() -> None:
    few: dict[str, int | str] = {"limit": 1, "offset": 1}
    _, rows = read_rows("SELECT number FROM numbers(5)", {}, few, {}, 30.0)

    assert len(rows) == 5
