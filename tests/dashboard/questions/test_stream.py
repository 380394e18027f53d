"""What comes in: the events of the API, and what was refused, as far as the page of trust tells."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from analytics.keys.lookup import find_record
from analytics.keys.refusals import flush_refusals
from analytics.keys.samples import flush_samples, note_sample
from dashboard import asking
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject
from tests.dashboard.questions.reading import show

SECRET = "what a client sent"


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """What the clock of the pages says: a little later than all that the tests send."""
    now = datetime.now(UTC).replace(second=13, microsecond=0) + timedelta(minutes=1)
    monkeypatch.setattr(asking, "read_clock", lambda: now)
    return now


@pytest.fixture
def filled(project: TestProject, at: datetime) -> TestProject:
    events: list[dict[str, Any]] = [
        {"path": f"/page/{n}", "userId": f"user-{n}", "ip": "91.10.1.1",
         "timestamp": (at - timedelta(minutes=n, seconds=3)).isoformat()}
        for n in range(50)
    ]  # fmt: skip
    events.append({**events[1], "event": "signup", "path": "/Join"})
    assert Api(project.ingest_key).post("/events", events).status_code == 202
    drain(0, force=True)
    return project


def seen(page: str, kind: str = "stored") -> list[str]:
    texts = re.findall(rf'<li[^>]* data-seen="{kind}">(.*?)</li>', page, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", text)).strip() for text in texts]


def test_it_has_the_events_of_the_api_in_their_order(
    signed_in: Client, filled: TestProject, read: Api, at: datetime
) -> None:
    page = show(signed_in, filled, "live/stream")

    window = {"start": (at - timedelta(minutes=30)).isoformat(), "end": at.isoformat()}
    events = read.get("/events", **window, limit=40).json()["events"]
    shown = re.findall(r'<time datetime="([^"]+)">.*?<bdi>(/[^<]*)</bdi>', page, re.DOTALL)
    assert len(shown) == 31
    assert [(datetime.fromisoformat(moment), path) for moment, path in shown] == [
        (datetime.fromisoformat(event["timestamp"]), event["path"]) for event in events
    ]
    assert "91.10" not in page and "user-1" not in page


def test_it_is_searched_in_either_case_and_filtered(signed_in: Client, filled: TestProject) -> None:
    [found] = seen(show(signed_in, filled, "live/stream", q="JOIN"))
    assert "signup" in found

    [also] = seen(show(signed_in, filled, "live/stream", q="sign", f="is:country:DE"))
    assert also == found
    assert "has “<bdi>%00</bdi>” in it" in show(signed_in, filled, "live/stream", q="%00")
    assert seen(show(signed_in, filled, "live/stream", f="is:country:FR")) == []


def test_it_can_be_stopped_and_goes_on(signed_in: Client, filled: TestProject) -> None:
    running = show(signed_in, filled, "live/stream", period="7d", q="page")
    stopped = show(signed_in, filled, "live/stream", period="7d", q="page", stop=1)

    assert 'data-every="10"' in running and 'data-every="10"' not in stopped
    assert 'href="?period=7d&amp;q=page&amp;stop=1" data-sets="stop">Stop' in running
    assert 'href="?period=7d&amp;q=page" data-sets="stop">Go on' in stopped
    assert 'http-equiv="refresh" content="10"' not in show(
        signed_in, filled, "live", full=1, stop=1
    )


def test_what_was_refused_is_told_without_what_was_sent(
    signed_in: Client, filled: TestProject, other_project: TestProject
) -> None:
    for project, reason in ((filled, "bad_path"), (other_project, "of_another")):
        key = find_record(project.ingest_key)
        assert key
        note_sample(key, "plausible", reason, f"detail of {SECRET}", SECRET.encode())
    flush_samples()
    assert Api(filled.ingest_key).post("/event", {"nothing": 1}).status_code == 400
    flush_refusals()

    page = show(signed_in, filled, "live/stream")

    [refused] = seen(page, "refused")
    assert "plausible/bad_path" in refused
    assert SECRET not in page and "of_another" not in page
    assert re.search(r'data-refused="unknown_field [^"]+" data-times="1"', page)
    assert seen(show(signed_in, filled, "live/stream", q="bad_PATH"), "refused")
    assert not seen(show(signed_in, filled, "live/stream", q="page"), "refused")
    assert not seen(show(signed_in, filled, "live/stream", f="is:country:DE"), "refused")


def test_hostile_text_stays_text(signed_in: Client, project: TestProject) -> None:
    hostile = "/<script>alert(1)</script>"
    Api(project.ingest_key).post("/event", {"path": hostile, "event": "<b>x</b>"})
    drain(0, force=True)

    page = show(signed_in, project, "live", full=1, q="alert")

    assert "<script>alert" not in page and "<b>x</b>" not in page
    assert [each for each in seen(page) if hostile in each]
