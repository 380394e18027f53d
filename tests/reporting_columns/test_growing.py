"""While events come and segments are written, no question misses what was there before it."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command

from columns import change
from columns.export import export_project
from columns.garbage import collect_files
from columns.merge import merge_project
from columns.rewrite import rebuild
from reporting.columns.read import tail
from reporting.columns.read.sweeping import sweep
from tests.columns.folders import in_either_place
from tests.conftest import Api, TestProject
from tests.reporting_columns.threads import Threads
from tests.reporting_columns.views import open_one, read_paths
from tests.stored import store_events

pytestmark = in_either_place

SECONDS = 6.0
AT_ONCE = 3
LONG_SECONDS = 20.0


@pytest.mark.slow
def test_a_question_sees_each_event_once_from_when_it_is_stored(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MOST_FILES", 2)
    stored: list[str] = []
    threads = Threads()

    def store() -> None:
        paths = [f"/{len(stored) + n}" for n in range(AT_ONCE)]
        store_events(project, [{"path": path} for path in paths])
        stored.extend(paths)

    def export() -> None:
        export_project(project.id, most=10)

    asked = 0

    def ask() -> None:
        nonlocal asked
        before = set(stored)
        seen = read_paths(project, open_one(project))
        assert len(seen) == len(set(seen))
        assert before <= set(seen), before - set(seen)
        asked += 1

    for work, pause_seconds in ((store, 0.02), (export, 0.15), (sweep, 0.1), (ask, 0), (ask, 0)):
        threads.repeat(work, pause_seconds)
    threads.run(SECONDS, lambda: asked > 5)
    assert sorted(stored) == read_paths(project, open_one(project))


@pytest.mark.slow
def test_a_question_misses_nothing_and_adds_up_while_segments_are_merged_and_rebuilt(
    project: TestProject, read: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events arrive, segments are exported, merged, made anew and deleted, all at once."""
    monkeypatch.setattr(settings, "QUERY_TIMEOUT_SECONDS", 4.0)
    monkeypatch.setattr(change, "READ_TIME", timedelta(seconds=8))
    today = datetime.now(UTC).date()
    window = {"start": f"{today - timedelta(days=1)}", "end": f"{today + timedelta(days=2)}"}
    question = {"metrics": ["views"], "dimensions": ["path", "time:hour"], "limit": 1_000, **window}
    stored, seen, answers = 0, 0, 0

    def store() -> None:
        nonlocal stored
        moment = datetime.now(UTC)
        store_events(project, [
            {"path": f"/{stored % 7}", "timestamp": moment - timedelta(hours=n)}
            for n in range(AT_ONCE)
        ])  # fmt: skip
        stored += AT_ONCE

    def ask() -> None:
        nonlocal seen, answers
        least = max(stored, seen)
        answer = read.post("/query", question)
        if answer.status_code != 200:
            assert answer.json()["code"] in ("query_timeout", "query_busy"), answer.content
            return
        [views] = answer.json()["totals"]
        seen = max(seen, views)
        assert least <= views <= stored + AT_ONCE
        assert sum(row["metrics"][0] for row in answer.json()["results"]) == views
        answers += 1

    threads = Threads()
    threads.repeat(store, 0.05)
    threads.repeat(lambda: export_project(project.id, most=50), 0.2)
    threads.repeat(lambda: merge_project(project.id), 1.0)
    threads.repeat(lambda: list(rebuild(project.id)), 2.0)
    threads.repeat(collect_files, 0.5)
    for _ in range(2):
        threads.repeat(ask, 0.1)
    threads.run(LONG_SECONDS, lambda: answers > 20)

    while export_project(project.id):
        pass
    call_command("verify_columns", project.id.hex(), stdout=StringIO())
