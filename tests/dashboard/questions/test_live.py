"""The page of now: every number is the API's, and says of which window it is."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from dashboard import asking
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject
from tests.dashboard.questions.reading import show, told_wrong
from tests.dashboard.test_page import figures, rows

AT = datetime.now(UTC).replace(second=13, microsecond=0) + timedelta(minutes=1)
PAGES = ("/", "/", "/a", "/b")


@pytest.fixture
def filled(project: TestProject, monkeypatch: pytest.MonkeyPatch) -> TestProject:
    """Visitors of the last 40 minutes, one each minute, some with two views; the clock stands."""
    monkeypatch.setattr(asking, "read_clock", lambda: AT)
    events = [
        {"path": PAGES[n % 4], "userId": f"user-{n}", "ip": ("91.10.1.1", "8.8.8.8")[n % 2],
         "timestamp": (AT - timedelta(minutes=n + 1, seconds=7 * again)).isoformat()}
        for n in range(40) for again in range(1 + n % 2)
    ]  # fmt: skip
    assert Api(project.ingest_key).post("/events", events).status_code == 202
    drain(0, force=True)
    return project


def window() -> dict[str, str]:
    start = AT.replace(second=0) - timedelta(minutes=29)
    return {"start": start.isoformat(), "end": (start + timedelta(minutes=30)).isoformat()}


@pytest.mark.parametrize(
    ("query", "condition"),
    [({}, None), ({"f": "is:country:DE"}, {"field": "country", "op": "is", "values": ["DE"]})],
)
def test_every_number_is_the_apis(
    signed_in: Client, filled: TestProject, read: Api, query: dict[str, str], condition: Any
) -> None:
    page = show(signed_in, filled, "live/now", **query)

    asked: dict[str, Any] = window() | ({"filter": condition} if condition else {})
    body = asked | {"metrics": ["visitors", "views"]}
    found = read.post("/query", {**body, "dimensions": ["time:minute"]}).json()
    minutes = re.findall(r'data-minute="([\d:]+)" data-value="(\d+)"', page)
    begun = [(row["dimensions"][0][11:16], row["metrics"][0] or 0) for row in found["results"]]
    assert [(label, int(count)) for label, count in minutes] == begun
    assert len(minutes) == 30
    halves = dict(re.findall(r'data-half-hour="(\w+)" data-value="(\d+)"', page))
    assert [int(halves["visitors"]), int(halves["views"])] == found["totals"]
    assert found["totals"][0]
    for field in ("path", "source", "country"):
        body = {**asked, "metrics": ["visitors"], "dimensions": [field], "limit": 9}
        answer = read.post("/query", body).json()
        expected = [[field, row["dimensions"][0], row["metrics"][0]] for row in answer["results"]]
        assert [row for row in rows(page) if row[0] == field] == expected


def test_visitors_of_five_minutes_are_those_of_the_api(
    signed_in: Client, project: TestProject, read: Api
) -> None:
    Api(project.ingest_key).post("/events", [{"path": "/", "userId": name} for name in "abc"])
    drain(0, force=True)

    assert figures(show(signed_in, project, "live/now")) == {"current": 3}
    assert read.get("/stats/realtime").json()["visitors"] == 3
    assert figures(show(signed_in, project, "live/now", f="is:userId:a")) == {"current": 1}


def test_each_number_says_of_which_window_it_is(signed_in: Client, filled: TestProject) -> None:
    page = show(signed_in, filled, "live/now")

    assert "in the last 5 minutes" in page
    assert page.count("in the last 30 minutes") == 2
    assert page.count("visitors, last 30 minutes") == 3
    assert f"{AT - timedelta(minutes=29):%H:%M} to now" in page


def test_a_click_filters_and_another_takes_it_off(signed_in: Client, filled: TestProject) -> None:
    page = html.unescape(show(signed_in, filled, "live/now", period="7d"))
    assert 'href="?period=7d&f=is:path:/a"' in page

    filtered = html.unescape(show(signed_in, filled, "live/now", period="7d", f="is:path:/a"))

    assert 'aria-label="Take off: Path is /a"' in filtered
    assert 'href="?period=7d"' in filtered


def test_an_empty_project_and_a_wrong_filter_are_told(
    signed_in: Client, project: TestProject
) -> None:
    assert "No event was stored yet" in show(signed_in, project, "live/now")
    [wrong] = told_wrong(show(signed_in, project, "live", f="what:path:/"))
    assert wrong.startswith("f=what")


def test_it_is_asked_again_and_works_without_a_script(
    signed_in: Client, filled: TestProject
) -> None:
    page = show(signed_in, filled, "live", period="7d")
    assert 'data-every="10"' in page and 'hx-trigger="ask, tick"' in page
    assert 'content="0; url=?period=7d&amp;full=1"' in page

    full = show(signed_in, filled, "live", full=1)

    assert 'content="10"' in full
    assert rows(full) == rows(show(signed_in, filled, "live/now"))


def test_hostile_text_stays_text(signed_in: Client, project: TestProject) -> None:
    Api(project.ingest_key).post("/event", {"path": "/<script>alert(1)</script>", "userId": "u"})
    drain(0, force=True)

    page = show(signed_in, project, "live", full=1)

    assert "<script>alert" not in page
    assert ["path", "/<script>alert(1)</script>", 1.0] in rows(page)
