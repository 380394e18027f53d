"""At 10:42 of a day, and on days that clocks make shorter or longer."""

import html
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from dashboard import asking
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject, make_project

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 10, 42, 30, tzinfo=BERLIN)


@pytest.fixture
def berlin(store: None) -> TestProject:
    return make_project("Berlin", time_zone="Europe/Berlin")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "read_clock", lambda: NOW.astimezone(UTC))


def send(project: TestProject, *moments: datetime) -> None:
    events = [
        {"path": "/", "userId": f"user-{n}", "timestamp": moment.isoformat()}
        for n, moment in enumerate(moments)
    ]
    assert Api(project.ingest_key).post("/events", events).status_code == 202
    drain(0, force=True)


def show(client: Client, project: TestProject, **query: str) -> tuple[str, Any]:
    page = client.get(f"/p/{project.row.pk}/top", query).content.decode()
    [curve] = re.findall(r'data-curve="([^"]*)"', page)
    return html.unescape(page), json.loads(html.unescape(curve))


def test_at_10_42_nothing_is_after_now_and_the_running_hour_is_dashed(
    signed_in: Client, berlin: TestProject
) -> None:
    yesterday = NOW - timedelta(days=1)
    send(
        berlin,
        NOW.replace(hour=9), NOW.replace(minute=10), NOW.replace(minute=41),
        yesterday.replace(minute=41), yesterday.replace(minute=50), yesterday.replace(hour=20),
    )  # fmt: skip

    page, curve = show(signed_in, berlin, period="today")

    assert curve["values"] == [0] * 9 + [1, 2] + [None] * 13
    assert curve["before"] == [0] * 10 + [1] + [None] * 13
    assert curve["partial"] == list(range(10, 24))
    assert curve["labels"][10] == "10:00"
    assert "19 Nov 2026, until 10:42" in page
    figure = page.split('data-metric="visitors"')[1].split("</a>")[0]
    assert 'data-value="3"' in figure  # against the one of until 10:42, not three
    assert 'title="before: 1"' in figure
    assert "200%" in figure


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2025-10-26", 25), ("2026-11-11", 24)]
)
def test_a_day_has_as_many_hours_as_it_has(
    signed_in: Client, berlin: TestProject, day: str, hours: int
) -> None:
    noon = datetime.fromisoformat(f"{day}T12:30:00").replace(tzinfo=BERLIN)
    send(berlin, noon)

    _, curve = show(signed_in, berlin, **{"from": day, "to": day})

    assert len(curve["values"]) == len(curve["labels"]) == hours
    assert curve["partial"] == []
    assert curve["values"][curve["labels"].index("12:00")] == 1
    assert sum(curve["values"]) == 1
    if hours == 25:
        assert curve["labels"][2:4] == ["02:00", "02:00"]


def test_the_year_before_is_on_the_same_weekdays_or_dates(
    signed_in: Client, berlin: TestProject
) -> None:
    send(berlin, NOW - timedelta(days=364), datetime(2025, 11, 20, 9, tzinfo=BERLIN))

    page, _ = show(signed_in, berlin, period="today", compare="year")
    assert "21 Nov 2025, until 10:42" in page
    page, _ = show(signed_in, berlin, period="today", compare="dates")
    assert "20 Nov 2025, until 10:42" in page
    page, curve = show(signed_in, berlin, period="today", compare="off")
    assert "until" not in page
    assert curve["before"] == []


def test_a_window_of_28_days_says_until_when_it_is_compared(
    signed_in: Client, berlin: TestProject
) -> None:
    send(berlin, NOW - timedelta(hours=1))

    page, curve = show(signed_in, berlin, period="28d")

    assert "24 Oct \N{EN DASH} 20 Nov 2026" in page
    assert "26 Sep \N{EN DASH} 23 Oct 2026, until 10:42" in page
    assert curve["partial"] == [27]
    assert "Europe/Berlin" in page
