"""Dates and times as text: one reading for events, reports and commands, on every Python."""

import zoneinfo
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management.base import CommandError
from django.http import QueryDict
from hypothesis import example, given
from hypothesis import strategies as st

from analytics.events import moments
from analytics.events.event import decode_event, parse_timestamp
from analytics.events.invalid_event import InvalidEvent
from analytics.events.moments import BadMoment, first_moment, parse_date, parse_moment
from analytics.events.older_event import decode_older_event
from analytics.web.problems import BadRequest
from reporting.questions.query import parse_stats_query
from upkeep.management.arguments import read_window

NINE = "2025-11-14T09:00:00+00:00"


def read_event(text: str) -> datetime | None:
    try:
        return parse_timestamp(text)
    except InvalidEvent:
        return None


def read_report(text: str) -> datetime | None:
    given = QueryDict(mutable=True)
    given["start"] = text
    try:
        return parse_stats_query(b"project1", given).window.start
    except BadRequest:
        return None


def read_command(text: str) -> datetime | None:
    try:
        return read_window({"start": text, "end": None})[0]
    except CommandError:
        return None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-11-14T09:00:00Z", NINE),
        ("2025-11-14t09:00:00z", NINE),
        ("2025-11-14T09:00:00z", NINE),
        ("2025-11-14t09:00:00Z", NINE),
        ("2025-11-14 09:00:00Z", NINE),
        ("2025-11-14 09:00:00", NINE),
        ("2025-11-14 09:00", NINE),
        ("2025-11-14T09:00", NINE),
        ("2025-11-14T09:00Z", NINE),
        ("2025-11-14T09:00:00 Z", NINE),
        ("2025-11-14T09:00:00-00:00", NINE),
        ("2025-11-14t09:00:00-00:00", NINE),
        ("2025-11-14T11:00:00+02:00", NINE),
        ("2025-11-14T11:00:00 02:00", NINE),
        ("2025-11-14 11:00:00 +0200", NINE),
        ("2025-11-14 11:00:00  0200", NINE),
        ("2025-11-14 11:00:00+02", NINE),
        ("2025-11-14T05:30:00-0330", NINE),
        ("2025-11-14T14:45:00.0+05:45", NINE),
        ("2025-11-14T09:44:30+00:44:30", NINE),
        ("2025-11-15T08:59:00+23:59", NINE),
        ("2025-11-14T09:00:00.0004Z", NINE),
        ("2025-11-14", "2025-11-14T00:00:00+00:00"),
        ("2025-11-14T09:00:00.5Z", "2025-11-14T09:00:00.500000+00:00"),
        ("2025-11-14T09:00:00,123456789Z", "2025-11-14T09:00:00.123000+00:00"),
        ("2025-11-14T09:00:00.999999Z", "2025-11-14T09:00:00.999000+00:00"),
        ("2025-11-14T09:00:00.9999999999999999999999z", "2025-11-14T09:00:00.999000+00:00"),
        ("2025-11-14T09:00:00.123456+00:00", "2025-11-14T09:00:00.123000+00:00"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999000+00:00"),
        ("2016-12-31T23:59:60.7z", "2016-12-31T23:59:59.999000+00:00"),
        ("1990-12-31T15:59:60-08:00", "1990-12-31T23:59:59.999000+00:00"),
        ("2017-01-01T05:44:60.000+05:45", "2016-12-31T23:59:59.999000+00:00"),
        ("2024-02-29", "2024-02-29T00:00:00+00:00"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999000+00:00"),
        ("9999-12-31T23:59:60Z", "9999-12-31T23:59:59.999000+00:00"),
    ],
)
def test_events_reports_and_commands_read_the_same_spellings(text: str, moment: str) -> None:
    expected = datetime.fromisoformat(moment)

    found = [read(text) for read in (parse_moment, read_event, read_report, read_command)]

    assert found == [expected] * 4
    assert all(each and each.tzinfo is UTC for each in found)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "RFC 3339"),
        ("yesterday", "RFC 3339"),
        ("2025-11-14T", "RFC 3339"),
        ("2025-11-14T09", "RFC 3339"),
        ("2025-11-14Z", "RFC 3339"),
        ("2025-11-14x09:00:00Z", "RFC 3339"),
        ("2025-11-14T09:00:00.Z", "RFC 3339"),
        ("2025-11-14T09:00:00ZZ", "RFC 3339"),
        ("2025-11-14T09:00:00Z\n", "RFC 3339"),
        (" 2025-11-14T09:00:00Z", "RFC 3339"),
        ("2025-11-14T09:00:00+2:00", "RFC 3339"),
        ("2025-11-14T09:00:00 Europe/Berlin", "RFC 3339"),
        ("2025-11-14T09:00:00[Europe/Berlin]", "RFC 3339"),
        ("2025-11-14T0\uff19:00:00Z", "RFC 3339"),
        ("٢٠٢٥-11-14", "RFC 3339"),
        ("+2025-11-14T09:00:00Z", "RFC 3339"),
        ("-000044-03-15T00:00:00Z", "RFC 3339"),
        ("\ud800", "RFC 3339"),
        ("20251114", "basic format"),
        ("20251114T090000Z", "basic format"),
        ("20251114t090000.5+0200", "basic format"),
        ("2025-W46-5", "by week"),
        ("2025-w46-5T09:00:00Z", "by week"),
        ("2025W465", "by week"),
        ("2025-318", "by week"),
        ("2025-318T09:00:00Z", "by week"),
        ("1763110800", "a number"),
        ("1763110800000", "a number"),
        ("1763110800.25", "a number"),
        ("-1", "a number"),
        ("2025-02-29", "exists"),
        ("2025-11-14T24:00:00Z", "exists"),
        ("2025-11-14T09:60:00Z", "exists"),
        ("2025-11-14T09:00:61Z", "exists"),
        ("2025-11-14T09:00:00+24:00", "exists"),
        ("2025-11-14T09:00:00+02:60", "exists"),
        ("2025-11-14T09:00:00-02:75", "exists"),
        ("0000-01-01T00:00:00Z", "exists"),
        ("0001-01-01T00:00:00+14:00", "exists"),
        ("9999-12-31T23:59:59-12:00", "exists"),
        ("2025-11-14T09:00:60Z", "second 60"),
        ("2016-12-30T23:59:60Z", "second 60"),
        ("2016-12-31T23:59:60+02:00", "second 60"),
        ("2025-11-14T09:00:00." + "0" * 45, "64 characters"),
    ],
)
def test_events_reports_and_commands_refuse_the_same_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(BadMoment, match=reason):
        parse_moment(text)

    assert [read(text) for read in (read_event, read_report, read_command)] == [None] * 3


_USUAL = st.sampled_from([
    "2025-11-14T09:00:00Z", "2025-11-14T09:00:00.123Z", "2025-11-14T09:00:00+02:00",
    "2025-11-14T09:00:00.123456Z", "2025-11-14T09:00:00.123-03:30", "2025-11-14T09:00:00.5Z",
    "2025-11-14T09:00:00.123456+05:45", "2025-11-14T09:00:00.123456789Z", "2016-12-31T23:59:60Z",
])  # fmt: skip
_EDITS = st.lists(
    st.tuples(st.integers(0, 31), st.sampled_from(["", *"0123456789:+-.,TtZz W6"]), st.booleans()),
    max_size=4,
)


@given(_USUAL, _EDITS)
@example("2025-11-14T09:00:00.123Z", [(19, ":", True)])
@example("2025-11-14T09:00:00+02:00", [(23, "7", True)])
def test_the_fast_way_reads_as_the_careful_one(text: str, edits: list[Any]) -> None:
    for place, character, replaces in edits:
        text = text[:place] + character + text[place + replaces :]

    def judge(parse: Any) -> datetime | str:
        try:
            found: datetime = parse(text, UTC)
        except BadMoment as exc:
            return str(exc)
        return found

    assert judge(parse_moment) == judge(moments._parse_slowly)


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001
    st.integers(-1439, 1439),
)
def test_whatever_python_writes_is_read_as_the_same_moment(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = moment.astimezone(UTC)
    expected = expected.replace(microsecond=expected.microsecond // 1000 * 1000)

    assert parse_moment(moment.isoformat()) == parse_moment(str(moment)) == expected


@given(st.text(max_size=70) | st.text("0123456789-:TZ+. ", max_size=40))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        moment = parse_moment(text)
    except BadMoment as exc:
        assert str(exc).startswith(("is ", "has "))
    else:
        assert (moment.tzinfo, moment.microsecond % 1000) == (UTC, 0)
    assert parse_date(text) is None or parse_moment(text)


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00+00:00"),
        ("Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15:00+00:00"),
        ("Pacific/Chatham", "2026-01-01", "2025-12-31T10:15:00+00:00"),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00+00:00"),  # 00:00 is skipped
        ("America/Santiago", "2026-04-05", "2026-04-05T04:00:00+00:00"),  # 23:00 is repeated
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00+00:00"),
        ("Africa/Cairo", "2026-10-30", "2026-10-29T22:00:00+00:00"),
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00+00:00"),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00+00:00"),  # 00:00 is repeated
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00+00:00"),  # 23:30 to 00:30
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00+00:00"),  # never was
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00+00:00"),
        ("Pacific/Kwajalein", "1993-08-21", "1993-08-21T12:00:00+00:00"),  # never was
    ],
)
def test_a_day_begins_with_its_first_moment(zone: str, day: str, expected: str) -> None:
    assert first_moment(date.fromisoformat(day), ZoneInfo(zone)).isoformat() == expected


@given(
    st.sampled_from(sorted(zoneinfo.available_timezones())),
    st.dates(date(1970, 1, 2), date(2040, 1, 1)),
)
def test_no_moment_of_a_day_comes_before_its_first(name: str, day: date) -> None:
    zone = ZoneInfo(name)

    first = first_moment(day, zone)

    assert first.astimezone(zone).date() >= day
    assert (first - timedelta(seconds=1)).astimezone(zone).date() < day


@pytest.mark.parametrize("text", ["20251114T090000Z", "2025-W46-5T09", "2025-11-14x09:00:00.0009Z"])
def test_what_an_earlier_release_accepted_is_still_read_by_the_drain(text: str) -> None:
    raw = b'{"path":"/a","timestamp":"%s","properties":{"n":1.5}}' % text.encode()

    event = decode_older_event(raw)

    assert event.timestamp == datetime.fromisoformat(NINE)
    assert (event.path, event.properties) == ("/a", {"n": 1.5})
    with pytest.raises(InvalidEvent):
        decode_event(raw)


@pytest.mark.parametrize("text", ["never", "1969-12-31", "20251114T090000+99", "0001-01-01T00+14"])
def test_what_no_release_accepted_is_not_read_either(text: str) -> None:
    with pytest.raises(InvalidEvent):
        decode_older_event(b'{"path":"/a","timestamp":"%s"}' % text.encode())


@pytest.mark.parametrize("fields", [b"", b'"timestamp":null,'])
def test_an_older_event_whose_sent_at_is_bad_is_refused(fields: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode_older_event(b'{%b"path":"/","sentAt":"20251114T090000Z"}' % fields)
