"""`/`: each project at a glance."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from dashboard.parts.glance import is_quiet
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject

LAST = datetime(2026, 11, 27, 9, tzinfo=UTC)  # the last whole hour


def hours(of_last: int, of_that_time: list[int]) -> list[dict[str, object]]:
    """A week up to the hour that runs; nobody comes at other times."""
    counts = {LAST - timedelta(days=day + 1): count for day, count in enumerate(of_that_time)}
    counts[LAST] = of_last
    starts = [LAST + timedelta(hours=1 - ago) for ago in reversed(range(24 * 7 + 2))]
    return [
        {"dimensions": [start.isoformat()], "metrics": [counts.get(start, 0)]} for start in starts
    ]


@pytest.mark.parametrize(
    ("of_last", "of_that_time", "quiet"),
    [
        (0, [5, 6, 4, 0, 0, 7, 5], True),
        (1, [5, 6, 4, 0, 0, 7, 5], False),
        (0, [1, 0, 2, 0, 0, 1, 0], False),
        (0, [0] * 7, False),
        (0, [9, 0, 0, 0, 0, 0, 0], False),
    ],
)
def test_a_project_is_quiet_against_its_own_usual_hour(
    of_last: int, of_that_time: list[int], quiet: bool
) -> None:
    assert is_quiet(hours(of_last, of_that_time)) is quiet


def test_a_row_has_what_the_api_answers_without_bots(
    signed_in: Client, project: TestProject, read: Api
) -> None:
    events = [{"path": "/", "userId": name} for name in ("a", "a", "b")]
    events.append({"path": "/", "userId": "bot", "userAgent": "GPTBot/1.2"})
    Api(project.ingest_key).post("/events", events)
    drain(0, force=True)

    page = signed_in.get(f"/p/{project.row.pk}/glance").content.decode()

    asked = {"metrics": ["visitors", "views", "visits"], "period": "24h", "bots": False}
    visitors, views, visits = read.post("/query", asked).json()["totals"]
    assert (visitors, views) == (2, 3)
    assert re.findall(r'data-value="(\d+)"', page) == [str(visitors)]
    assert f'data-views="{views}" data-visits="{visits}"' in page
    assert "new" in page
