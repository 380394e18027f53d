"""The salts of a project's days: one for each local day of acceptance, and gone two days later."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.events.ids import MS_PER_DAY, datetime_of_ms, ms_of_datetime
from analytics.projects.zones import LocalDay, Zones, begin_with, change_zone, find_day
from ingestion.enrich import salts
from ingestion.enrich.salts import KEPT, KEPT_LATE, salt_of_day, salts_of_days
from ingestion.enrich.visitors import hash_visitor

PROJECT, OTHER = b"project1", b"project2"
HOUR_MS = 3_600_000
OFFSETS = [f"Etc/GMT{hours:+d}" for hours in range(-14, 13)]  # POSIX: the sign is the other way


def today() -> LocalDay:
    now = ms_of_datetime(datetime.now(UTC))
    return find_day(begin_with("UTC"), now)


@pytest.fixture(autouse=True)
def no_salts(store: None) -> Iterator[None]:
    yield
    collection(mongo.SALTS).delete_many({})


def test_a_day_has_one_salt_whoever_asks_first() -> None:
    day = today()
    first = salt_of_day(PROJECT, day)
    salts._salts.clear()  # another process

    assert salt_of_day(PROJECT, day) == first
    assert collection(mongo.SALTS).count_documents({}) == 1


def test_each_project_and_each_day_has_a_salt_of_its_own() -> None:
    day = today()
    tomorrow = LocalDay(day.end_ms, day.end_ms + MS_PER_DAY)

    made = [salt_of_day(PROJECT, day), salt_of_day(PROJECT, tomorrow), salt_of_day(OTHER, day)]

    assert len(set(made)) == 3
    ids = {document["_id"] for document in collection(mongo.SALTS).find({})}
    assert ids == {PROJECT + day.key, PROJECT + tomorrow.key, OTHER + day.key}


def test_salts_of_many_days_are_those_that_each_day_has_alone() -> None:
    day = today()
    tomorrow = LocalDay(day.end_ms, day.end_ms + MS_PER_DAY)
    long_ago = LocalDay(day.begin_ms - 9 * MS_PER_DAY, day.end_ms - 9 * MS_PER_DAY)
    first = salt_of_day(PROJECT, day)
    salts._salts.clear()

    wanted = [(project, of) for project in (PROJECT, OTHER) for of in (day, tomorrow, long_ago)]
    made = salts_of_days(wanted)

    assert made[PROJECT, day] == first
    assert len(set(made.values())) == len(wanted)
    salts._salts.clear()
    assert {known: salt_of_day(*known) for known in wanted} == made


def test_a_salt_goes_48_hours_after_the_day_has_ended() -> None:
    day = today()
    salt_of_day(PROJECT, day)

    [document] = collection(mongo.SALTS).find({})
    assert document["expiresAt"] == datetime_of_ms(day.end_ms) + KEPT
    index = collection(mongo.SALTS).index_information()["expiry"]
    assert (index["key"], index["expireAfterSeconds"]) == ([("expiresAt", 1)], 0)


def test_the_salt_of_a_day_that_grows_stays_until_48_hours_after_its_new_end() -> None:
    day = today()
    first = salt_of_day(PROJECT, day)
    longer = day._replace(end_ms=day.end_ms + 9 * HOUR_MS)

    assert salt_of_day(PROJECT, longer) == first
    [document] = collection(mongo.SALTS).find({})
    assert document["expiresAt"] == datetime_of_ms(longer.end_ms) + KEPT


def test_events_that_waited_for_days_get_a_salt_that_lasts_an_hour() -> None:
    day = today()
    long_ago = LocalDay(day.begin_ms - 9 * MS_PER_DAY, day.end_ms - 9 * MS_PER_DAY)
    before = datetime.now(UTC)

    salt_of_day(PROJECT, long_ago)

    [document] = collection(mongo.SALTS).find({})
    late = document["expiresAt"] - before
    assert KEPT_LATE - timedelta(seconds=1) <= late <= KEPT_LATE + timedelta(minutes=1)


def test_a_salt_that_is_asked_for_late_lasts_no_longer_for_it() -> None:
    day = today()
    ended = LocalDay(day.begin_ms - 3 * MS_PER_DAY, day.end_ms - 3 * MS_PER_DAY)
    first = salt_of_day(PROJECT, ended)
    soon = datetime_of_ms(ms_of_datetime(datetime.now(UTC) + timedelta(minutes=9)))
    collection(mongo.SALTS).update_one({}, {"$set": {"expiresAt": soon}})
    salts._salts.clear()  # a worker that was started anew

    assert salt_of_day(PROJECT, ended) == first

    [document] = collection(mongo.SALTS).find({})
    assert document["expiresAt"] == soon


def test_a_salt_of_yesterday_is_not_kept_for_what_goes_on_waiting() -> None:
    day = today()
    ended = LocalDay(day.begin_ms - 3 * MS_PER_DAY, day.end_ms - 3 * MS_PER_DAY)
    first = salt_of_day(PROJECT, ended)
    over = datetime.now(UTC) - timedelta(seconds=1)
    collection(mongo.SALTS).update_one({}, {"$set": {"expiresAt": over}})
    salts._salts.clear()

    assert salt_of_day(PROJECT, ended) != first
    assert collection(mongo.SALTS).count_documents({}) == 1


def test_on_the_day_of_an_upgrade_a_utc_day_goes_on_with_the_salt_that_all_shared() -> None:
    day = today()
    shared = os.urandom(16)
    collection(mongo.SALTS).insert_one(
        {"_id": day.begin_ms // MS_PER_DAY, "salt": shared, "expiresAt": datetime.now(UTC) + KEPT}
    )

    assert salt_of_day(PROJECT, day) == shared
    assert salt_of_day(OTHER, day) == shared
    berlin = find_day(begin_with("Europe/Berlin"), day.begin_ms + 12 * HOUR_MS)
    assert salt_of_day(OTHER, berlin) != shared


def count_people(zones: Zones, moments_ms: list[int]) -> int:
    """One browser at one address, accepted at each of these moments."""
    return len({
        hash_visitor(PROJECT, None, "203.0.113.9", "Firefox", salt_of_day(PROJECT, day))
        for day in (find_day(zones, ms) for ms in moments_ms)
    })  # fmt: skip


@pytest.mark.parametrize("zone", OFFSETS)
def test_nobody_is_counted_twice_in_a_local_day_and_everybody_anew_in_the_next(zone: str) -> None:
    zones = begin_with(zone)
    day = find_day(zones, ms_of_datetime(datetime(2026, 6, 15, 12, tzinfo=UTC)))
    hours = (day.end_ms - day.begin_ms) // HOUR_MS
    through_the_day = [day.begin_ms + hour * HOUR_MS for hour in range(hours)]

    assert hours == 24
    assert count_people(zones, [*through_the_day, day.end_ms - 1]) == 1
    assert count_people(zones, [day.begin_ms - 1, day.begin_ms, day.end_ms - 1, day.end_ms]) == 3


@pytest.mark.parametrize("zone", OFFSETS)
def test_the_day_of_a_change_of_zone_ends_at_the_next_midnight_of_the_new_one(zone: str) -> None:
    rng = Random(zone)
    before = begin_with(rng.choice(OFFSETS))
    decided = datetime(2026, 6, 15, rng.randrange(24), rng.randrange(58), tzinfo=UTC)
    zones = change_zone(before, zone, decided)
    old_day = find_day(before, ms_of_datetime(decided))
    until = zones[-1].since_ms

    moments = [ms_of_datetime(decided), *range(zones[-1].decided_ms, until, HOUR_MS), until - 1]
    if zone == before[0].zone:
        assert zones == before
        return
    assert until - ms_of_datetime(decided) <= MS_PER_DAY + 60_000
    if ms_of_datetime(decided) + 60_000 < old_day.end_ms:  # not in the last minute of the old day
        assert count_people(zones, [old_day.begin_ms, *moments]) == 1
    assert count_people(zones, [until - 1, until]) == 2
