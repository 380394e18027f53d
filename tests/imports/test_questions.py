"""What was exported and imported elsewhere answers each question as it did before.

`IMPORT_EVENTS=1000000` tries it with as many.
"""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from columns.export import export_project, list_tails
from columns.merge import merge_project
from exchange.outgoing.job import file_of
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject
from tests.exchange.exports import export
from tests.imports.imports import ask, bring, find, read_books
from tests.paths import ROOT
from tests.stored import store_events
from upkeep.rollups.compaction import compact_summaries

EVENTS: Final = int(os.environ.get("IMPORT_EVENTS", "3000"))
KILLS: Final = 4
_CAMPAIGNS: Final = ("?utm_campaign=spring&utm_source=x", "?utm_campaign=autumn&utm_source=y")
BEGIN: Final = datetime(2026, 1, 5, tzinfo=UTC)
DAYS: Final = 28
WINDOW: Final = {"start": "2026-01-05", "end": "2026-02-02"}
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1",
    "GPTBot/1.2",
)  # fmt: skip


def query(**fields: Any) -> tuple[str, dict[str, Any]]:
    return "/query", {**WINDOW, "metrics": ["views", "visitors", "events"], **fields}


def report(path: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return path, {**WINDOW, **fields}


STEPS: Final = [
    {"field": "path", "op": "is", "values": ["/p0"]},
    {"field": "event", "op": "is", "values": ["buy"]},
]
QUESTIONS: Final = [
    report("/stats"),
    report("/stats", groupBy="path"),
    report("/stats/timeseries", interval="day"),
    report("/stats/timeseries", interval="hour", end="2026-01-12"),
    report("/stats/timeseries", interval="week", timezone="Asia/Tokyo"),
    *(report("/stats/breakdown", by=by)
      for by in ("path", "event", "referrer", "country", "browser", "os", "device")),
    query(),
    query(dimensions=["time:day"]),
    query(dimensions=["channel", "source"]),
    query(dimensions=["utmCampaign"], metrics=["visits", "bounceRate", "visitDuration"]),
    query(metrics=["sum(properties.amount)", "count(properties.amount)"], dimensions=["path"]),
    ("/query/funnel", {**WINDOW, "steps": STEPS, "within": 604800}),
    ("/query/retention", {**WINDOW, "interval": "week", "periods": 3}),
    ("/query/journeys", {**WINDOW, "steps": 3, "limit": 10}),
]  # fmt: skip


def make_events(chance: random.Random, at: int, count: int) -> list[dict[str, Any]]:
    """The next events, about in the order of time, as they come."""
    span_ms = DAYS * 86_400_000
    first, last = (number * span_ms // EVENTS for number in (at, at + count))
    return [
        {
            "path": f"/p{chance.randrange(30)}"
            + (
                f"?utm_campaign=c{chance.randrange(4)}&utm_source=x"
                if chance.random() < 0.2
                else ""
            ),
            "event": "buy" if chance.random() < 0.1 else "pageview",
            "timestamp": BEGIN + timedelta(milliseconds=chance.randrange(first, last)),
            "ip": f"203.0.{chance.randrange(8)}.{chance.randrange(250)}",
            "userAgent": chance.choice(_AGENTS),
            "properties": {"amount": chance.randrange(1000) / 4},
            **({"userId": f"u{chance.randrange(200)}"} if chance.random() < 0.3 else {}),
            **({"referrer": "https://news.example/"} if chance.random() < 0.3 else {}),
        }
        for _ in range(count)
    ]


def fill(project: TestProject) -> None:
    """The events, in rollups and columns."""
    chance = random.Random(22)
    for at in range(0, EVENTS, 2_000):
        store_events(project, make_events(chance, at, min(2_000, EVENTS - at)), public=False)
        if at % 20_000 == 0:
            settle(project)
    settle(project)


def settle(project: TestProject) -> None:
    compact_summaries()
    while any(tail.project_id == project.id for tail in list_tails()):
        export_project(project.id)
    while merge_project(project.id):
        pass


def ask_all(project: TestProject) -> list[Any]:
    api, answers = Api(project.read_key), []
    for path, asked in QUESTIONS:
        answer = api.post(path, asked) if path.startswith("/query") else api.get(path, **asked)
        assert answer.status_code == 200, (path, asked, answer.content)
        told = answer.json()
        told.pop("meta", None)
        answers.append(told)
    return answers


def go_on_and_die(import_id: str, seconds: float) -> None:
    """A process goes on with the import, and is killed after a while."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.imports.dying", import_id],
        cwd=ROOT, env=os.environ,
    )  # fmt: skip
    until = time.monotonic() + seconds
    while time.monotonic() < until and worker.poll() is None:
        drain(0)
        time.sleep(0.01)
    worker.send_signal(signal.SIGKILL)
    worker.wait()


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_each_of_twenty_questions_says_the_same(
    project: TestProject, other_project: TestProject
) -> None:
    chance = random.Random(22)
    fill(project)
    expected = ask_all(project)
    assert len(expected) == 20
    begun = time.monotonic()
    path = file_of(export(project, "parquet"))
    exported = time.monotonic()
    import_id = ask(other_project, path)
    for _ in range(KILLS):
        go_on_and_die(import_id, chance.uniform(2, 2 + EVENTS / 50_000))
    while find(other_project, import_id).get("open"):
        go_on_and_die(import_id, 600)
    imported = time.monotonic()
    done = find(other_project, import_id)
    assert "outcome" not in done, done
    assert done["counts"] == {"imported": EVENTS, "stored": 0, "erased": 0}
    settle(other_project)
    assert ask_all(other_project) == expected
    again = bring(other_project, path)
    assert again["counts"] == {"imported": 0, "stored": EVENTS, "erased": 0}
    accepted, stored, _, imported = read_books(other_project)
    assert (accepted, stored, imported) == (EVENTS, EVENTS, EVENTS)
    assert ask_all(other_project) == expected
    print(f"{EVENTS} events: exported in {exported - begun:.0f} s, "
          f"imported in {imported - exported:.0f} s with {KILLS} kills, "
          f"again in {time.monotonic() - imported:.0f} s")  # fmt: skip
