"""The rollups' format against a plain Python model of what it should count."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import bson
import numpy as np
import pytest
from datasketches import hll_sketch
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.rollups import (
    BOT,
    DIMENSIONS,
    FORMAT,
    RELATIVE_ERROR,
    TOTAL,
    TOTAL_HASH,
    U64_MASK,
    WITHOUT_VALUES,
    CorruptTable,
    EncodedTable,
    Table,
    bucket_start,
    count_uniques,
    hash_user,
    hash_value,
    list_fields,
    locate_values,
    merge_encoded,
    merge_tables,
    name_bots_table,
    rank,
    read_values,
    sum_rows,
    sum_total,
    summarize,
    union_sets,
    union_total,
)
from analytics.rollups.ranking import sum_by_hash
from analytics.rollups.sets import SetColumn
from analytics.rollups.uniques import LG_K, same_sketch, union_sketches

PROJECT = bytes(range(8))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
THREE_SIGMA = max(abs(hll_sketch.get_rel_err(upper, True, LG_K, 3)) for upper in (True, False))

Document = dict[str, Any]
Events = list[Document]

slow_machine = settings(max_examples=60)
few = settings(max_examples=25)


@dataclass
class Row:
    """What one row should count."""

    views: int = 0
    events: int = 0
    users: set[int] = field(default_factory=set)
    visitors: set[int] = field(default_factory=set)


Model = dict[tuple[datetime, str], dict[str, Row]]


def count_plainly(documents: Sequence[Document]) -> Model:
    model: Model = defaultdict(lambda: defaultdict(Row))
    for document in documents:
        moment = document["timestamp"]
        bucket = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
        model[bucket, TOTAL][""].views += 0  # it is there, whatever else is
        for table in (TOTAL, *DIMENSIONS, BOT):
            value = "" if table == TOTAL else document.get(table)
            if value is None:
                continue
            row = model[bucket, name_bots_table(table) if BOT in document else table][value]
            row.views += document["event"] == "pageview"
            row.events += 1
            if "visitor" in document:
                row.visitors.add(document["visitor"] & U64_MASK)
            if "userId" in document:
                row.users.add(hash_user(PROJECT, document["userId"]))
    return model


def make_events(
    seed: int, count: int, people: int = 20, seconds: int = 1800, bots: float = 0
) -> Events:
    rng = random.Random(seed)
    events: Events = []
    for _ in range(count):
        event: Document = {
            "timestamp": NOON + timedelta(seconds=rng.randrange(seconds)),
            "path": f"/{rng.choice(['', 'prix-€', 'blog', 'a/b', 'ключ'])}{rng.randrange(4)}",
            "event": rng.choice(["pageview", "pageview", "signup"]),
            "visitor": hash_value(f"v{rng.randrange(people)}") - 2**63,
        }
        optional = {
            "userId": f"u{rng.randrange(people)}",
            "country": rng.choice(["DE", "NP"]),
            "referrer": rng.choice(["", "t.co", "example.org"]),
            "utmCampaign": "spring",
            "hostname": rng.choice(["example.org", "www.example.org"]),
        }
        event.update((key, value) for key, value in optional.items() if rng.random() < 0.7)
        if rng.random() < bots:
            event[BOT] = rng.choice(["Googlebot", "library"])
        if "userId" not in event and rng.random() < 0.2:
            del event["visitor"]
        events.append(event)
    return events


def make_sketch(members: Iterable[int]) -> bytes:
    return union_sketches(np.fromiter(members, np.uint64), ())


def cut(items: Sequence[Any], rng: random.Random) -> list[list[Any]]:
    """Deal items into up to six parts, none empty."""
    parts: list[list[Any]] = [[] for _ in range(rng.randint(1, 6))]
    for item in items:
        rng.choice(parts).append(item)
    return [part for part in parts if part]


def merge_in_any_order(tables: Sequence[Table], rng: random.Random) -> Table:
    left = list(tables)
    while len(left) > 1:
        rng.shuffle(left)
        size = rng.randint(2, len(left))
        left = [merge_tables(left[:size]), *left[size:]]
    return left[0]


def make_table(rows: Mapping[str, tuple[int, int]]) -> Table:
    keys = sorted((hash_value(value), value) for value in rows)
    values = np.empty(len(keys), np.object_)
    values[:] = [value for _, value in keys]
    return Table(
        hashes=np.array([key for key, _ in keys], np.uint64),
        views=np.array([rows[value][0] for _, value in keys], np.int64),
        events=np.array([rows[value][1] for _, value in keys], np.int64),
        values=values,
    )


def make_set_table(sets: Mapping[str, Sequence[int]]) -> Table:
    events = [
        {"timestamp": NOON, "path": path, "event": "pageview", "visitor": member}
        for path, members in sets.items()
        for member in members
    ]
    return Table.decode_all(summarize(PROJECT, events)[NOON]["path"])


event_lists = st.builds(
    make_events,
    st.integers(0, 2**32),
    st.integers(1, 120),
    people=st.sampled_from([1, 5, 60]),
    seconds=st.sampled_from([60, 1800, 86_400]),
)
lists_with_bots = st.builds(
    make_events, st.integers(0, 2**32), st.integers(1, 120), bots=st.sampled_from([0.3, 1])
)
rngs = st.integers(0, 2**32).map(random.Random)


def assert_counts_like(model: Model, found: Mapping[datetime, Mapping[str, EncodedTable]]) -> None:
    assert {(bucket, name) for bucket in found for name in found[bucket]} == model.keys()
    for (bucket, name), rows in model.items():
        table = Table.decode_all(found[bucket][name])
        assert table.views is not None and table.events is not None
        assert table.hashes.tolist() == sorted(map(hash_value, rows))
        assert (table.values is None) == (name in WITHOUT_VALUES)
        values = [""] if table.values is None else table.values.tolist()
        for index, value in enumerate(values):
            row = rows[value]
            assert (table.views[index], table.events[index]) == (row.views, row.events)
            for column, members in ((table.users, row.users), (table.visitors, row.visitors)):
                assert column is not None
                assert column.slice(index, index + 1).members.tolist() == sorted(members)


class TestSummarize:
    @slow_machine
    @given(event_lists | lists_with_bots)
    def test_it_counts_what_a_plain_loop_counts(self, events: Events) -> None:
        assert_counts_like(count_plainly(events), summarize(PROJECT, events))

    @few
    @given(event_lists | lists_with_bots, rngs)
    def test_it_equals_the_merge_over_any_partition(
        self, events: Events, rng: random.Random
    ) -> None:
        assert_partition_agrees(events, rng)

    @pytest.mark.parametrize("people", [200, 300, 900])
    def test_it_equals_the_merge_over_any_partition_with_sketches(self, people: int) -> None:
        for seed in range(3):
            events = make_events(seed, 1200, people=people, seconds=900)
            assert_partition_agrees(events, random.Random(seed))

    def test_it_returns_nothing_for_no_events(self) -> None:
        assert summarize(PROJECT, []) == {}

    def test_it_refuses_a_naive_timestamp(self) -> None:
        (event,) = make_events(1, 1)
        naive = event | {"timestamp": event["timestamp"].replace(tzinfo=None)}
        with pytest.raises(TypeError):
            summarize(PROJECT, [naive])

    def test_it_keeps_users_of_two_projects_apart(self) -> None:
        event = make_events(1, 1)[0] | {"userId": "alice"}
        one, other = (
            summarize(project, [event])[NOON + (bucket_start(event["timestamp"]) - NOON)][TOTAL]
            for project in (PROJECT, bytes(8))
        )
        assert one["um"] != other["um"]

    def test_it_keeps_bots_out_of_the_tables_of_people(self) -> None:
        event = {"timestamp": NOON, "path": "/", "event": "pageview", "visitor": 7}
        bot = event | {BOT: "GPTBot", "path": "/robots.txt", "userId": "u"}

        alone, both = summarize(PROJECT, [bot])[NOON], summarize(PROJECT, [event, bot])[NOON]

        assert {name for name in alone if not name.startswith("bots_")} == {TOTAL}
        assert sum_total([alone[TOTAL]]) == (0, 0)
        assert union_total([alone[TOTAL]], "visitors").count == 0
        assert {name: both[name] for name in both if name in DIMENSIONS or name == TOTAL} == (
            summarize(PROJECT, [event])[NOON]
        )
        assert {name: both[name] for name in both if name.startswith("bots_")} == {
            name: table for name, table in alone.items() if name != TOTAL
        }
        values = Table.decode_all(both["bots_bot"]).values
        assert values is not None and values.tolist() == ["GPTBot"]

    def test_an_event_without_a_visitor_counts_nobody(self) -> None:
        nobody = {"timestamp": NOON, "path": "/", "event": "pageview"}

        total = summarize(PROJECT, [nobody, nobody | {"visitor": 5}, nobody])[NOON][TOTAL]

        assert sum_total([total]) == (3, 3)
        assert [union_total([total], name).count for name in ("users", "visitors")] == [0, 1]

    def test_a_total_cannot_be_added_up_by_a_release_that_knows_no_bots(self) -> None:
        """Which reads its values; so it leaves alone what it would lose tables of."""
        total = summarize(PROJECT, make_events(1, 1))
        with pytest.raises(CorruptTable, match="no column s"):
            merge_encoded([tables[TOTAL] for tables in total.values()])

    def test_it_writes_the_documented_bytes(self) -> None:
        event = {
            "timestamp": NOON,
            "path": "/é",
            "event": "pageview",
            "visitor": -1,
            "userId": "alice",
        }
        assert summarize(PROJECT, [event, event])[NOON]["path"] == {
            "f": 1,
            "h": bytes.fromhex("e2e72f80e44cec55"),
            "v": b"\x02",
            "e": b"\x02",
            "s": b"\x91\xa3/\xc3\xa9",
            "ul": b"\x01",
            "um": bytes.fromhex("c24559bc280084c0"),
            "wl": b"\x01",
            "wm": b"\xff" * 8,
        }


def assert_partition_agrees(events: Events, rng: random.Random) -> None:
    whole = summarize(PROJECT, events)
    parts = [summarize(PROJECT, part) for part in cut(events, rng)]
    for bucket, tables in whole.items():
        for name, expected in tables.items():
            encoded = [
                part[bucket][name] for part in parts if bucket in part and name in part[bucket]
            ]
            merged = merge_in_any_order([Table.decode_all(one) for one in encoded], rng)
            assert merged.equals(Table.decode_all(expected))
            assert merge_encoded(encoded, values=name not in WITHOUT_VALUES).equals(merged)
            assert estimate_all(merged) == estimate_all(Table.decode_all(expected))


def estimate_all(table: Table) -> list[int]:
    keys = table.hashes.tolist()
    return [
        uniques.count
        for name in ("users", "visitors")
        for uniques in union_sets([table], keys, name)
    ]


class TestTable:
    @slow_machine
    @given(event_lists | lists_with_bots)
    def test_it_survives_encoding_and_bson(self, events: Events) -> None:
        for tables in summarize(PROJECT, events).values():
            for encoded in tables.values():
                table = Table.decode_all(bson.decode(bson.encode(encoded)))
                assert table.encode() == encoded

    @slow_machine
    @given(event_lists, rngs)
    def test_merging_is_associative_and_commutative(
        self, events: Events, rng: random.Random
    ) -> None:
        tables = [
            Table.decode_all(tables["path"]) for tables in summarize(PROJECT, events).values()
        ]
        tables += [tables[0]]
        one = merge_in_any_order(tables, rng)
        assert one.equals(merge_tables(tables))
        assert one.encode() == merge_tables(tables[::-1]).encode()

    def test_merging_a_table_with_itself_doubles_counts_and_keeps_sets(self) -> None:
        table = Table.decode_all(summarize(PROJECT, make_events(3, 40, seconds=9))[NOON]["path"])
        twice = merge_tables([table, table])
        assert table.views is not None and twice.views is not None
        assert table.users is not None and twice.users is not None
        assert twice.views.tolist() == (2 * table.views).tolist()
        assert twice.users.equals(table.users)

    @slow_machine
    @given(event_lists, st.integers(1, 4000))
    def test_its_pieces_are_in_order_bounded_and_merge_to_the_whole(
        self, events: Events, max_bytes: int
    ) -> None:
        for tables in summarize(PROJECT, events).values():
            table = Table.decode_all(tables["path"])
            pieces = table.split(max_bytes)
            assert np.concatenate([piece.hashes for piece in pieces]).tolist() == (
                table.hashes.tolist()
            )
            assert all(
                len(piece) == 1 or len(bson.encode(piece.encode())) <= max_bytes for piece in pieces
            )
            assert merge_tables(pieces).equals(table)
            assert len(bson.encode(table.encode())) <= table.approx_bytes

    def test_its_pieces_keep_their_sketches(self) -> None:
        table = make_set_table({f"/{n}": range(n, n + 40 * n) for n in range(1, 20)})
        assert table.visitors is not None and len(table.visitors.sketches) == 13
        pieces = table.split(6000)
        assert len(pieces) > 5
        assert all(len(bson.encode(piece.encode())) <= 6000 for piece in pieces)
        assert merge_tables(pieces).equals(table)
        assert merge_encoded([piece.encode() for piece in pieces[::-1]]).equals(table)
        assert table.approx_bytes < 1.1 * len(bson.encode(table.encode()))

    @pytest.mark.parametrize("count", [255, 256, 2**16, 2**32 - 1, 2**32, 2**40])
    def test_it_holds_counts_of_any_size(self, count: int) -> None:
        table = make_table({"/": (0, count), "/b": (count, 1)})
        merged = merge_tables([Table.decode_all({**table.encode(), **no_sets(2)})] * 3)
        assert sum_rows([merged], [hash_value("/"), hash_value("/b")]) == [
            (0, 3 * count),
            (3 * count, 3),
        ]

    def test_it_tells_tables_apart(self) -> None:
        base: dict[str, Sequence[int]] = {"/a": range(300), "/b": [1, 2]}
        table = make_set_table(base)
        assert table.equals(make_set_table(base))
        for other in (
            {"/a": range(300), "/b": [1, 3]},
            {"/a": range(1, 301), "/b": [1, 2]},
            {"/a": range(300), "/b": [1, 2, 2]},
            {"/a": range(300), "/c": [1, 2]},
            {"/a": range(200), "/b": [1, 2]},
            {"/a": range(300)},
        ):
            assert not table.equals(make_set_table(other))
        assert not table.equals(table.select(counts=True, values=True, sets="users"))

    def test_it_reads_only_the_columns_asked_for(self) -> None:
        encoded = make_set_table({"/a": range(300), "/b": [1, 2]}).encode()
        for choice in (
            {"counts": True, "values": False, "sets": False},
            {"counts": False, "values": True, "sets": False},
            {"counts": False, "values": False, "sets": "visitors"},
            {"counts": False, "values": False, "sets": True},
        ):
            projected = {key: encoded[key] for key in list_fields(**choice) if key in encoded}
            table = Table.decode(projected, **choice)
            assert table.equals(Table.decode_all(encoded).select(**choice))
            assert table.encode() == projected

    def test_it_does_not_merge_different_columns(self) -> None:
        table = make_table({"/": (1, 1)})
        with pytest.raises(ValueError, match="different columns"):
            merge_tables([table, table.select(counts=True)])
        with pytest.raises(ValueError, match="nothing"):
            merge_tables([])
        with pytest.raises(ValueError, match="nothing"):
            merge_encoded([])

    def test_it_sorts_members_that_differ_in_their_last_bits_only(self) -> None:
        rng = random.Random(1)
        near = [rng.getrandbits(60) & ~15 for _ in range(40)]
        tables = [
            make_set_table({f"/{n}": [member + rng.randrange(16) for member in near[:20]]})
            for n in range(50)
            for _ in range(3)
        ]
        merged = merge_tables(tables)
        assert merged.visitors is not None
        for index in range(len(merged)):
            members = merged.visitors.slice(index, index + 1).members.tolist()
            assert members == sorted(set(members))
        assert merged.equals(merge_in_any_order(tables, rng))

    @pytest.mark.parametrize(
        "spoil",
        [
            {"f": FORMAT + 1},
            {"f": None},
            {"h": b""},
            {"h": b"1234567"},
            {"v": b"123"},
            {"v": None},
            {"s": b"\x91\xa1a"},
            {"s": b"\xc1"},
            {"s": b"\x92\xa1a\xa1\xff"},
            {"wl": b"\x01"},
            {"wm": b"short"},
            {"ws": b"short"},
            {"wm": b""},
            {"ws": b""},
        ],
        ids=str,
    )
    def test_it_refuses_a_spoilt_document(self, spoil: dict[str, Any]) -> None:
        encoded = make_set_table({"/a": range(300), "/b": [1, 2]}).encode()
        Table.decode_all(encoded)
        with pytest.raises(CorruptTable):
            Table.decode_all(encoded | spoil)
        with pytest.raises(CorruptTable):
            merge_encoded([encoded, encoded | spoil])

    def test_it_has_no_stored_form_without_rows(self) -> None:
        empty = make_table({})
        assert empty.split(1000) == []
        assert merge_tables([empty, empty]).equals(empty)
        with pytest.raises(ValueError, match="rows"):
            empty.encode()


def no_sets(rows: int) -> dict[str, bytes]:
    return {"ul": bytes(rows), "wl": bytes(rows)}


class TestUniques:
    @pytest.mark.parametrize("size", [0, 1, 2, 255, 256])
    def test_they_are_exact_up_to_256(self, size: int) -> None:
        members = np.random.default_rng(size).integers(0, 2**64, size, np.uint64)
        uniques = count_uniques(np.concatenate([members, members]))
        assert (uniques.count, uniques.method, uniques.error) == (size, "exact", 0)

    @pytest.mark.parametrize("size", [257, 300, 384, 385, 500, 1000, 5000, 20_000, 200_000])
    @pytest.mark.parametrize("seed", [1, 2])
    def test_they_are_within_the_stated_error_beyond(self, size: int, seed: int) -> None:
        members = np.random.default_rng(seed).integers(0, 2**64, size, np.uint64)
        uniques = count_uniques(members)
        assert (uniques.method, uniques.error) == ("hll", RELATIVE_ERROR)
        assert abs(uniques.count - size) <= THREE_SIGMA * size

    def test_the_stated_error_holds_for_19_of_20(self) -> None:
        rng = np.random.default_rng(7)
        misses = sum(
            abs(count_uniques(rng.integers(0, 2**64, 3000, np.uint64)).count - 3000)
            > RELATIVE_ERROR * 3000
            for _ in range(100)
        )
        assert misses <= 10
        assert 0.03 < RELATIVE_ERROR < 0.035

    def test_members_beyond_the_signed_range_are_told_apart(self) -> None:
        high = np.arange(300, dtype=np.uint64) + np.uint64(2**64 - 300)
        assert count_uniques(high).count == 300

    @settings(max_examples=80)
    @given(st.sampled_from([3, 256, 257, 300, 383, 384, 385, 386, 700, 1500]), rngs)
    def test_they_do_not_depend_on_how_sets_were_merged(
        self, size: int, rng: random.Random
    ) -> None:
        members = [rng.getrandbits(63) for _ in range(size)]
        tables = []
        for part in cut(members, rng):
            tables.append(make_set_table({"/": part + rng.sample(members, rng.randint(0, size))}))
        merged = merge_in_any_order(tables, rng)
        expected = count_uniques(np.array(members, np.uint64))
        assert union_sets([merged], [hash_value("/")], "visitors") == [expected]
        assert union_sets(tables, [hash_value("/")], "visitors") == [expected]
        assert merged.select(sets=True).equals(make_set_table({"/": members}).select(sets=True))

    def test_a_row_that_is_nowhere_has_none(self) -> None:
        table = make_set_table({"/": [1]})
        assert [one.count for one in union_sets([table], [5, hash_value("/")], "visitors")] == [
            0,
            1,
        ]
        assert union_sets([table], [hash_value("/")], "users")[0].count == 0
        assert union_sets([], [5], "users")[0].count == 0
        with pytest.raises(ValueError, match="users"):
            union_sets([table.select(counts=True)], [5], "users")

    @few
    @given(event_lists)
    def test_the_total_is_read_without_decoding(self, events: Events) -> None:
        totals = [tables[TOTAL] for tables in summarize(PROJECT, events).values()]
        tables = [Table.decode_all(encoded) for encoded in totals]
        assert [sum_total(totals)] == sum_rows(tables, [TOTAL_HASH])
        assert [union_total(totals, "users")] == union_sets(tables, [TOTAL_HASH], "users")
        assert union_total(totals, "visitors").count == len(
            {e["visitor"] for e in events if "visitor" in e}
        )

    def test_the_total_may_hold_sketches(self) -> None:
        buckets = summarize(PROJECT, make_events(5, 2500, people=1000))
        totals = [tables[TOTAL] for tables in buckets.values()]
        tables = [Table.decode_all(encoded) for encoded in totals]
        assert "ws" in totals[0]
        assert [union_total(totals, "visitors")] == union_sets(tables, [TOTAL_HASH], "visitors")
        with pytest.raises(CorruptTable):
            sum_total([buckets[NOON]["path"]])

    def test_equal_sketches_are_known_whatever_made_them(self) -> None:
        for size in (300, 3000):
            column = SetColumn(np.zeros(1, np.int64), np.empty(0, np.uint64), {})
            assert column.measure_rows().tolist() == [1]
            assert same_sketch(make_sketch(range(size)), make_sketch(reversed(range(size))))
            assert not same_sketch(make_sketch(range(size)), make_sketch(range(size + 50)))


rows_of_a_table = st.dictionaries(
    st.sampled_from([f"/{letter}" for letter in "abcdefghijkl"]),
    st.tuples(st.integers(0, 3), st.integers(1, 4)),
    max_size=12,
)


class TestRank:
    @settings(max_examples=200)
    @given(
        st.lists(rows_of_a_table, max_size=5), st.integers(0, 6), st.integers(0, 13), st.booleans()
    )
    def test_a_page_is_the_slice_of_the_sorted_list(
        self, parts: list[dict[str, tuple[int, int]]], limit: int, offset: int, zeros: bool
    ) -> None:
        tables = [make_table(part) for part in parts]
        counts: Counter[str] = Counter()
        for part in parts:
            counts.update({value: views for value, (views, _) in part.items()})
        listed = sorted(
            ((-n, value) for value, n in counts.items() if n or zeros),
        )
        ranking = rank(tables, by="views", limit=limit, offset=offset, include_zero=zeros)
        page = ranking.page({hash_value(value): value for value in counts})
        assert ranking.total == len(listed)
        assert [(-row.count, row.value) for row in page] == listed[offset : offset + limit]
        assert all(row.hash == hash_value(row.value) for row in page)

    def test_only_ties_at_the_borders_are_candidates(self) -> None:
        table = make_table({f"/{n:03}": (n // 10, 1) for n in range(1000)})
        ranking = rank([table], by="views", limit=4, offset=8)
        assert len(ranking.hashes) == 20
        assert rank([table], by="events", limit=4).hashes.tolist() == table.hashes.tolist()

    @pytest.mark.parametrize("distinct", [300, 5000, 40_000, 300_000])
    def test_sums_are_exact_for_many_rows(self, distinct: int) -> None:
        rng = np.random.default_rng(distinct)
        pool = rng.integers(0, 2**64, distinct, np.uint64)
        # The first and last address, and neighbours that share every slot but the last.
        pool[:6] = [0, 1, 2, 2**64 - 1, 2**64 - 2, 2**63]
        hashes = np.concatenate([pool, rng.choice(pool, 100_000)])
        counts = rng.integers(0, 2**33, len(hashes))
        keys, inverse = np.unique(hashes, return_inverse=True)
        expected = np.zeros(len(keys), np.int64)
        np.add.at(expected, inverse, counts)
        found, sums = sum_by_hash(hashes, counts)
        order = np.argsort(found)
        assert np.array_equal(found[order], keys)
        assert np.array_equal(sums[order], expected)

    @pytest.mark.parametrize("fold", [0, 40, 63])
    def test_sums_are_exact_for_hashes_that_are_not_spread(self, fold: int) -> None:
        hashes = np.arange(40_000, dtype=np.uint64) << np.uint64(fold)
        found, sums = sum_by_hash(np.tile(hashes, 2), np.ones(80_000, np.int64))
        assert sorted(found.tolist()) == np.unique(hashes).tolist()
        assert int(sums.sum()) == 80_000

    def test_values_are_looked_up_where_the_candidates_are(self) -> None:
        tables = [
            make_table({"/a": (1, 1), "/b": (1, 1)}),
            make_table({"/b": (1, 1)}),
            make_table({"/b": (1, 1), "/c": (1, 1)}),
        ]
        wanted = rank(tables, by="views", limit=9).hashes
        located = locate_values(tables, wanted)
        assert {index: len(keys) for index, keys in located.items()} == {0: 2, 2: 1}
        values: dict[int, str] = {}
        for index, keys in located.items():
            values |= read_values(tables[index].encode(), keys)
        assert sorted(values.values()) == ["/a", "/b", "/c"]
        assert all(hash_value(value) == key for key, value in values.items())

    def test_it_needs_counts(self) -> None:
        with pytest.raises(ValueError, match="counts"):
            rank([make_table({"/": (1, 1)}).select(values=True)], by="views", limit=1)


def at(hour: int, minute: int, offset_minutes: int = 0) -> datetime:
    return datetime(2026, 3, 1, hour, minute, tzinfo=timezone(timedelta(minutes=offset_minutes)))


@pytest.mark.parametrize(
    ("moment", "start"),
    [
        (at(12, 0), at(12, 0)),
        (at(12, 14) + timedelta(seconds=59, microseconds=999_999), at(12, 0)),
        (at(12, 15), at(12, 15)),
        (at(12, 50, 345), at(7, 0)),
        (at(12, 10, -210), at(15, 30)),
        (datetime(1969, 12, 31, 23, 59, tzinfo=UTC), datetime(1969, 12, 31, 23, 45, tzinfo=UTC)),
        (
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 45, tzinfo=UTC),
        ),
    ],
)
def test_a_bucket_starts_every_15_minutes_of_utc(moment: datetime, start: datetime) -> None:
    assert bucket_start(moment) == start
    assert bucket_start(moment).tzinfo is UTC


def test_a_naive_datetime_has_no_bucket() -> None:
    with pytest.raises(TypeError):
        bucket_start(datetime(2026, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda: hash_value(""), 13020603013274838756),
        (lambda: hash_value("/pricing"), 4989081689570407373),
        (lambda: hash_user(PROJECT, "alice"), 13872212927166629314),
    ],
)
def test_hashes_never_change(compute: Callable[[], int], expected: int) -> None:
    assert compute() == expected
