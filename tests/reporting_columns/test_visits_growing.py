"""While events come, also late ones, every answer about visits and people adds up in itself."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson.int64 import Int64

from columns.export import export_project
from columns.merge import merge_project
from tests.columns.folders import in_either_place
from tests.conftest import Api, TestProject
from tests.query_oracle.questions import FUNNEL, JOURNEYS, RETENTION, TABLE
from tests.query_oracle.sameness import find_contradictions
from tests.reporting_columns.threads import Threads
from tests.stored import ENRICHED, store_events

pytestmark = in_either_place

ASKED = 24
AT_ONCE = 5
PEOPLE = 4
PATHS = ("/", "/a", "/b")

VIEW = {"field": "event", "op": "is", "values": ["pageview"]}
SIGNUP = {"field": "event", "op": "is", "values": ["signup"]}
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    (TABLE, {"metrics": ["visits", "views"], "dimensions": ["time:hour"]}),
    (TABLE, {"metrics": ["visits"], "dimensions": ["time:day"], "filter": SIGNUP}),
    (FUNNEL, {"steps": [VIEW, SIGNUP, VIEW], "by": "visit", "dimension": "entryPath"}),
    (FUNNEL, {"steps": [VIEW, SIGNUP, VIEW], "order": "strict", "dimension": "path"}),
    (RETENTION, {"interval": "day", "periods": 3, "by": "visitor"}),
    (JOURNEYS, {"steps": 3, "field": "event"}),
]


@pytest.mark.slow
def test_parts_equal_the_whole_while_events_arrive_and_segments_are_merged(
    project: TestProject, read: Api
) -> None:
    begun = datetime.now(UTC) - timedelta(days=3)
    window = {"start": begun.isoformat(), "end": (begun + timedelta(days=3)).isoformat()}
    rng = random.Random(7)

    def store() -> None:
        store_events(project, [
            {
                "event": rng.choice(("pageview", "pageview", "signup", "$engagement")),
                "path": rng.choice(PATHS),
                "timestamp": begun + timedelta(minutes=10) * rng.randrange(3 * 24 * 6),
                ENRICHED: {"visitor": Int64(rng.randrange(PEOPLE))},
            }
            for _ in range(AT_ONCE)
        ])  # fmt: skip

    def ask() -> None:
        for number in range(ASKED):
            path, body = QUESTIONS[number % len(QUESTIONS)]
            answer = read.post(path, body | window)
            assert answer.status_code == 200, answer.content
            assert find_contradictions(body, answer.json()) == []

    threads = Threads()
    threads.repeat(store, 0.2)
    threads.repeat(lambda: export_project(project.id, most=50), 0.2)
    threads.repeat(lambda: merge_project(project.id), 0.5)
    threads.run_beside(ask)
