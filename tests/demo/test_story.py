"""The demo's story is the same each time, and plausible."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import msgspec

from analytics.events.event import decode_event
from demo.shop import PAGES
from demo.story import DAYS, Event, tell
from ingestion.enrich.countries import find_location

LAST = date(2026, 3, 29)


def tell_all(days: int = DAYS) -> list[Event]:
    return [event for day in tell(LAST, days=days) for event in day]


def test_it_is_the_same_each_time() -> None:
    assert tell_all(3) == tell_all(3)


def test_a_day_that_was_told_before_has_nothing_new_later() -> None:
    last = LAST - timedelta(days=40)  # a campaign is among these days
    told = {event["eventId"] for day in tell(last, days=20) for event in day}
    later = list(tell(last + timedelta(days=3), days=20))[:-3]
    ids = {event["eventId"] for day in later for event in day}

    assert ids <= told


def test_every_event_is_one_that_the_service_takes_and_has_an_id_of_its_own() -> None:
    events = tell_all(10)

    for event in events:
        decode_event(msgspec.json.encode(event))
    assert len({event["eventId"] for event in events}) == len(events)


def test_a_day_holds_the_visits_that_begin_in_it() -> None:
    [day] = tell(LAST, days=1)
    begin = datetime(LAST.year, LAST.month, LAST.day, tzinfo=UTC)
    moments = [datetime.fromisoformat(event["timestamp"]) for event in day]

    assert min(moments) >= begin
    assert max(moments) < begin + timedelta(days=1, hours=4)
    assert moments == sorted(moments)


def test_every_address_is_of_a_country() -> None:
    places = Counter(find_location(event["ip"]).country for event in tell_all(5))

    assert None not in places
    assert len(places) > 10
    assert {code for code, _ in places.most_common(3)} == {"DE", "US", "GB"}


def test_every_page_is_read_and_some_visits_end_in_a_purchase() -> None:
    events = tell_all(20)
    views = Counter(event["url"] for event in events if event["event"] == "pageview")
    names = Counter(event["event"] for event in events)

    assert {path for path in PAGES} <= {url.removeprefix("https://tea.example") for url in views}
    assert 0.002 < names["purchase"] / names["pageview"] < 0.05
    assert names["$engagement"] < names["pageview"]
