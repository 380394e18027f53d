"""While events come and segments are written, no question misses what was there before it."""

import threading
import time
from contextlib import suppress

import pytest

from analytics.databases.transactions import Conflict
from columns.export import export_project
from reporting.columns.read import tail
from reporting.columns.read.sweeping import sweep
from tests.conftest import TestProject
from tests.reporting_columns.views import open_one, read_paths
from tests.stored import store_events

SECONDS = 6.0
AT_ONCE = 3


@pytest.mark.slow
def test_a_question_sees_each_event_once_from_when_it_is_stored(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MOST_FILES", 2)
    stored: list[str] = []
    ended = threading.Event()
    failures: list[Exception] = []

    def repeat(work: object, pause_seconds: float) -> threading.Thread:
        def go() -> None:
            try:
                while not ended.wait(pause_seconds):
                    work()  # type: ignore[operator]
            except Exception as exc:
                failures.append(exc)

        thread = threading.Thread(target=go)
        thread.start()
        return thread

    def store() -> None:
        paths = [f"/{len(stored) + n}" for n in range(AT_ONCE)]
        store_events(project, [{"path": path} for path in paths])
        stored.extend(paths)

    def export() -> None:
        with suppress(Conflict):
            export_project(project.id, most=10)

    asked = 0

    def ask() -> None:
        nonlocal asked
        before = set(stored)
        seen = read_paths(project, open_one(project))
        assert len(seen) == len(set(seen))
        assert before <= set(seen), before - set(seen)
        asked += 1

    threads = [repeat(store, 0.02), repeat(export, 0.15), repeat(sweep, 0.1)]
    threads += [repeat(ask, 0.01) for _ in range(2)]
    time.sleep(SECONDS)
    ended.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert asked > 5
    assert sorted(stored) == read_paths(project, open_one(project))
