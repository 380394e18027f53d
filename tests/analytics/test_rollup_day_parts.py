"""The day parts: half hours and blocks of three hours add up to any stretch of it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.rollups import (
    BUCKET,
    DAY_PARTS,
    TOTAL,
    choose_day_parts,
    first_slot,
    merge_totals,
    pack_run,
    sets_pieces,
    split_rows,
    sum_total,
    summarize,
    union_total,
)
from analytics.rollups.day_parts import BLOCK_BUCKETS, HALF_HOUR_BUCKETS, HALF_HOURS
from upkeep.rollups.day_parts import merge_day_parts
from upkeep.rollups.runs import split

PROJECT = bytes(range(8))
DAY = datetime(2026, 3, 1, tzinfo=UTC)

stretches = st.tuples(st.integers(0, 96), st.integers(0, 96)).map(lambda ends: range(*sorted(ends)))


def buckets_of(day_part: int) -> range:
    width = HALF_HOUR_BUCKETS if day_part < HALF_HOURS else BLOCK_BUCKETS
    return range(first_slot(day_part), first_slot(day_part) + width)


@given(stretches)
def test_day_parts_cover_a_stretch_once_and_leave_a_bucket_at_each_end_at_most(
    buckets: range,
) -> None:
    day_parts, single = choose_day_parts(buckets)

    covered = [bucket for part in day_parts for bucket in buckets_of(part)] + single
    assert sorted(covered) == list(buckets)
    assert len(single) <= 2
    assert len(day_parts) <= 5 + 7 + 5


@settings(max_examples=25)
@given(stretches, st.sampled_from([40, 600, 3_000]), st.integers(0, 2**32))
def test_any_stretch_adds_up_from_day_parts_as_it_does_from_buckets(
    stretch: range, people: int, seed: int
) -> None:
    events = [
        {
            "timestamp": DAY + timedelta(seconds=(seed + n * 7_919) % 86_400),
            "path": "/",
            "event": "pageview" if n % 3 else "signup",
            "visitor": n * 2_654_435_761 % 2**62,
            "userId": f"u{n % (people // 2)}",
        }
        for n in range(people)
    ]
    buckets = {
        (start - DAY) // BUCKET: tables for start, tables in summarize(PROJECT, events).items()
    }
    [table] = merge_day_parts(
        [(number, split(tables)) for number, tables in buckets.items()]
    ).values()
    rows = dict(split_rows(table.encode()))

    day_parts, single = choose_day_parts(stretch)
    found = [rows[part] for part in day_parts if part in rows]
    found += [buckets[number][TOTAL] for number in single if number in buckets]

    expected = [buckets[number][TOTAL] for number in stretch if number in buckets]
    for tables in (found, [merge_totals(found)]):
        assert sum_total(tables) == sum_total(expected)
        assert union_total(tables, "users") == union_total(expected, "users")
        assert union_total(tables, "visitors") == union_total(expected, "visitors")


def test_few_day_parts_are_found_without_reading_the_sets_of_all() -> None:
    events = [
        {"timestamp": DAY + timedelta(seconds=n * 8), "path": "/", "event": "pageview",
         "visitor": n}
        for n in range(10_000)
    ]  # fmt: skip
    buckets = summarize(PROJECT, events)
    [table] = merge_day_parts(
        [((start - DAY) // BUCKET, split(tables)) for start, tables in buckets.items()]
    ).values()
    descriptor, pieces = pack_run(bytes(12), {DAY_PARTS: table})
    stored = {piece["_id"]: piece["t"].get(DAY_PARTS) for piece in pieces}

    wanted = sets_pieces(descriptor, DAY_PARTS, table.hashes[3:5])

    assert 1 <= len(wanted) < len(sets_pieces(descriptor, DAY_PARTS))
    assert {3, 4} <= {part for piece in wanted for part, _ in split_rows(stored[piece])}
