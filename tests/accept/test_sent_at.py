"""`sentAt`: what a client's own clock tells, and how its events move by it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.databases.mongo import DEAD_LETTERS, EVENTS, collection
from ingestion.accept.clock import find_skew_ms
from ingestion.drain.loop import drain
from tests.accept.test_post_event import read_parts, read_problem
from tests.conftest import Api, TestProject
from tests.pages import Page, make_public_key, set_rules
from tests.stored import store_events

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
YEARS = timedelta(days=365 * 20)


@pytest.mark.parametrize(
    ("ahead", "skew_ms"),
    [
        (timedelta(0), 0),
        (SECOND, 0),
        (SECOND + timedelta(milliseconds=1), -1_001),
        (HOUR, -3_600_000),
        (-60 * SECOND, 0),
        (-61 * SECOND, 61_000),
        (-YEARS, 20 * 365 * 86_400_000),
        (YEARS, -20 * 365 * 86_400_000),
        (6 * YEARS, 0),  # no clock
    ],
)
def test_a_clock_is_fast_over_a_second_and_slow_over_a_minute(
    ahead: timedelta, skew_ms: int
) -> None:
    assert find_skew_ms([NOW + ahead], NOW) == skew_ms


def test_the_latest_moment_of_a_request_counts() -> None:
    assert find_skew_ms([NOW - HOUR, NOW, NOW - 2 * HOUR], NOW) == 0
    assert find_skew_ms([], NOW) == 0


def send(sender: Any, *, ahead: timedelta, **fields: Any) -> Any:
    """By a clock that is `ahead`, an event of a minute before."""
    sent_at = datetime.now(UTC) + ahead
    event = {"path": "/a", "sentAt": sent_at.isoformat()}
    event["timestamp"] = (sent_at - timedelta(minutes=1)).isoformat()
    if isinstance(sender, Page):
        return sender.send({**event, **fields})
    return sender.post("/event", {**event, **fields})


@pytest.mark.parametrize("ahead", [3 * HOUR, -3 * HOUR, -YEARS, YEARS])
def test_an_event_is_stored_as_of_our_clock(ingest: Api, ahead: timedelta) -> None:
    before = datetime.now(UTC) - 2 * SECOND
    assert send(ingest, ahead=ahead).status_code == 202
    drain(0)

    [event] = collection(EVENTS).find({})
    after = datetime.now(UTC)
    assert before <= event["timestamp"] + timedelta(minutes=1) <= after


def test_all_events_of_a_request_move_alike_and_its_parts_say_by_how_much(ingest: Api) -> None:
    now = datetime.now(UTC)
    events: list[dict[str, Any]] = [
        {"path": "/a", "sentAt": (now + HOUR).isoformat(), "timestamp": now.isoformat()},
        {"path": "/b", "sentAt": (now + 2 * HOUR).isoformat()},
        {"path": "/c", "timestamp": now.isoformat()},
    ]

    assert ingest.post("/events", events * 60).status_code == 202

    skews = {part.skew_ms for part in read_parts()}
    assert len(read_parts()) > 1
    assert len(skews) == 1
    assert abs(skews.pop() + 7_200_000) < 5_000
    drain(0)
    moved = collection(EVENTS).find_one({"path": "/c"})
    assert moved is not None
    assert abs(moved["timestamp"] - (now - 2 * HOUR)) < 5 * SECOND


def test_an_event_without_a_timestamp_is_of_its_acceptance(ingest: Api) -> None:
    ingest.post("/event", {"path": "/a", "sentAt": (datetime.now(UTC) + HOUR).isoformat()})
    drain(0)

    [event] = collection(EVENTS).find({})
    assert event["timestamp"] == event["ingestedAt"]


def test_the_limits_of_age_hold_after_the_move(ingest: Api, project: TestProject) -> None:
    set_rules(project, retention_days=2)
    now = datetime.now(UTC)
    old, slow = now - timedelta(days=3), now - timedelta(days=30)

    assert send(ingest, ahead=-timedelta(days=30)).status_code == 202  # by a slow clock it is new
    by_a_fast_one = send(ingest, ahead=timedelta(days=30), timestamp=now.isoformat())
    of_a_right_one = send(ingest, ahead=timedelta(0), timestamp=old.isoformat())
    ahead_by_a_slow_one = send(ingest, ahead=slow - now, timestamp=now.isoformat())

    assert read_problem(by_a_fast_one)["code"] == "timestamp_too_old"
    assert read_problem(of_a_right_one)["code"] == "timestamp_too_old"
    assert read_problem(ahead_by_a_slow_one)["code"] == "timestamp_in_future"


def test_the_limits_of_public_keys_hold_after_the_move(project: TestProject) -> None:
    page = Page(make_public_key(project))
    now = datetime.now(UTC)

    assert send(page, ahead=timedelta(days=9)).status_code == 202
    assert send(page, ahead=-timedelta(days=9)).status_code == 202
    late = send(page, ahead=timedelta(days=9), timestamp=now.isoformat())
    early = send(page, ahead=-timedelta(days=9), timestamp=now.isoformat())

    assert read_problem(late)["code"] == "timestamp_too_old"
    assert read_problem(early)["code"] == "timestamp_in_future"


def test_no_clock_moves_an_event_out_of_the_calendar(ingest: Api) -> None:
    before_1970 = send(ingest, ahead=3 * YEARS, timestamp="1971-01-01T00:00:00Z")
    no_clock = send(ingest, ahead=timedelta(days=2_900_000))
    after_9999 = send(ingest, ahead=-2 * YEARS, timestamp="9999-12-31T23:59:59Z")

    assert read_problem(before_1970)["code"] == "timestamp_too_old"
    assert read_problem(no_clock)["code"] == "timestamp_in_future"
    assert read_problem(after_9999)["code"] == "timestamp_in_future"
    assert read_parts() == []


def test_an_event_at_the_end_of_the_calendar_is_refused_alone(ingest: Api) -> None:
    sent_at = (datetime.now(UTC) - 2 * YEARS).isoformat()
    last = {"path": "/a", "timestamp": "9999-12-31T23:59:59Z", "sentAt": sent_at}

    answer = ingest.post("/events", [last, {"path": "/b"}])

    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)


@pytest.mark.parametrize("timestamp", [{}, {"timestamp": None}, {"timestamp": "20260301T1200Z"}])
def test_what_another_door_let_in_with_a_bad_sent_at_is_buried_alone(
    project: TestProject, timestamp: dict[str, str | None]
) -> None:
    store_events(project, [{"path": "/a", "sentAt": "yesterday", **timestamp}, {"path": "/b"}])

    [letter] = collection(DEAD_LETTERS).find({})
    assert letter["reason"] == "invalid"
    assert [event["path"] for event in collection(EVENTS).find({})] == ["/b"]


def test_what_no_calendar_holds_is_buried_by_the_drain_and_holds_nothing_up(
    project: TestProject,
) -> None:
    """Of a door that let it in."""
    store_events(
        project,
        [{"path": "/a", "timestamp": "9999-12-31T23:59:59Z"}, {"path": "/b"}],
        skew_ms=86_400_000,
    )

    [letter] = collection(DEAD_LETTERS).find({})
    assert letter["reason"] == "not_encodable"
    assert [event["path"] for event in collection(EVENTS).find({})] == ["/b"]


@pytest.mark.parametrize("text", ["yesterday", "1969-12-31T23:59:59Z", ""])
def test_a_moment_that_is_none_is_refused_by_its_name(ingest: Api, text: str) -> None:
    problem = read_problem(ingest.post("/event", {"path": "/a", "sentAt": text}))

    assert (problem["code"], problem["errors"][0]["field"]) == ("bad_timestamp", "sentAt")


FIRST, LAST = "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"


@pytest.mark.parametrize(
    ("timestamp", "sent_at"),
    [(LAST, FIRST), ("9999-12-31T23:59:60Z", FIRST), (LAST, LAST), (FIRST, "2126-10-01T00:00:00Z")],
)
def test_at_the_ends_of_the_calendar_an_event_is_refused_and_no_other_of_its_batch(
    ingest: Api, timestamp: str, sent_at: str
) -> None:
    event = {"path": "/a", "timestamp": timestamp, "sentAt": sent_at}

    assert ingest.post("/event", event).status_code == 400
    answer = ingest.post("/events", [event, {"path": "/b"}])

    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert answer.json()["rejected"][0]["field"] == "timestamp"
