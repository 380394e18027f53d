"""Entries of the stream: requests that share a call of the script share entries, each as a part."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from pymongo.errors import OperationFailure

from analytics.databases import mongo
from analytics.databases import redis_clients as names
from analytics.databases.mongo import collection
from analytics.databases.redis_keys import stream_key
from analytics.events.entry import (
    FORMAT_VERSION,
    MAX_ENTRY_BYTES,
    MAX_ENTRY_EVENTS,
    AcceptedEvent,
    Entry,
    Part,
    UnreadableEntry,
    decode_entry,
    encode_entry,
    encode_part,
)
from analytics.events.ids import EntryId, parse_place
from ingestion.accept import admit
from ingestion.accept.plan import encode_section, find_call
from ingestion.drain.fuse_window import WINDOW_EVENTS, WINDOW_REQUESTS, Window
from ingestion.drain.loop import drain
from ingestion.drain.reader import Reader
from ingestion.store import transaction as store
from ingestion.store.prepare import prepare
from ingestion.store.transaction import write_batch
from ingestion.stream.answers import Fields, RawEntry
from ingestion.stream.consumers import this_consumer
from ingestion.stream.entries import ReadEntry, decode_entries, pair_up
from ingestion.stream.group_commit import GroupCommit
from ingestion.stream.scripts import ADMIT, run_script
from tests.conftest import TestProject
from tests.poison import record_of
from tests.server.wire_tap import tap_wire
from tests.servers_plugin import Servers
from tests.stream.test_group_commit import wait_until_pending
from upkeep.ledger.check import check_ledger
from upkeep.ledger.lines import read_ledger


def make_part(project_id: bytes, number: int, events: int = 1, padding: int = 0) -> Part:
    raw = msgspec.json.encode({"path": f"/{number}", "properties": {"pad": "x" * padding}})
    accepted = [AcceptedEvent(f"{number}-{n}", raw) for n in range(events)]
    return Part(project_id, f"203.0.113.{number % 256}", f"Agent/{number}", accepted)


def admit_together(project: TestProject, parts: Sequence[Part]) -> None:
    """As requests of one part each that share a call."""
    head = find_call(0, 10**9, "202601")
    section = encode_section((10**9, 10**9, -1), project.row.pk, "together")
    arguments: list[Any] = [*head.arguments, *section, len(parts)]
    for part in parts:
        arguments += (1, len(part.events), encode_part(part))
    replies: Any = run_script(names.stream_client(), ADMIT, head.keys, arguments)
    assert [reply[0] for reply in replies] == [0] * len(parts)


def read_stream() -> list[dict[bytes, bytes]]:
    entries: Any = names.stream_client().xrange(stream_key(0))
    return [fields for _, fields in entries]


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 100])
def test_requests_that_share_a_call_make_one_entry(project: TestProject, count: int) -> None:
    parts = [make_part(project.id, number) for number in range(count)]

    admit_together(project, parts)

    [fields] = read_stream()
    assert fields[b"d"] == encode_entry(parts)
    assert decode_entry(fields).parts == parts


@pytest.mark.parametrize("seed", range(8))
def test_an_entry_is_as_full_as_its_bounds_allow(project: TestProject, seed: int) -> None:
    chance = random.Random(seed)
    parts = [
        make_part(project.id, n, chance.choice([1, 1, 1, 7, 60, 100]), chance.choice([0, 9, 3_000]))
        for n in range(chance.randrange(1, 60))
    ]

    admit_together(project, parts)

    entries = [decode_entry(fields) for fields in read_stream()]
    assert [part for entry in entries for part in entry.parts] == parts
    for entry in entries:
        assert fits(entry) or len(entry.parts) == 1
    for entry, following in pairwise(entries):
        assert not fits(Entry([*entry.parts, following.parts[0]]))


def fits(entry: Entry) -> bool:
    entry_bytes = sum(len(encode_part(part)) for part in entry.parts)
    return entry.event_count <= MAX_ENTRY_EVENTS and entry_bytes <= MAX_ENTRY_BYTES


def test_each_event_of_a_shared_entry_keeps_its_sender_and_has_a_place_of_its_own(
    project: TestProject,
) -> None:
    admit_together(project, [make_part(project.id, n, events=1 + n % 3) for n in range(20)])

    assert drain(0).stored == 39

    events = list(collection(mongo.EVENTS).find({"project": project.id}).sort("place", 1))
    assert [parse_place(event["place"])[1] for event in events] == list(range(39))
    for event in events:
        assert event["userAgent"] == f"Agent/{event['path'][1:]}"
    [line] = read_ledger(project.id)
    assert (line.accepted, line.stored, line.waiting, line.difference) == (39, 39, 0, 0)
    assert read_stream() == []


def test_an_event_that_cannot_be_stored_harms_no_other_of_its_entry(project: TestProject) -> None:
    bad = Part(project.id, None, None, [AcceptedEvent("bad", b'{"path": 1}')])
    admit_together(project, [make_part(project.id, 1), bad, make_part(project.id, 2)])

    result = drain(0)

    assert (result.stored, result.dead) == (2, 1)
    [letter] = collection(mongo.DEAD_LETTERS).find({"project": project.id})
    assert letter["eventId"] == "bad"


def test_a_fuse_counts_the_requests_of_a_shared_entry() -> None:
    window = Window()
    window.add(b"one request", WINDOW_EVENTS, {"invalid": WINDOW_EVENTS})
    assert window.find_reason() is None
    window.add(b"many", 99, {"invalid": 99}, requests=WINDOW_REQUESTS - 1)
    assert window.find_reason() == "invalid"


@pytest.mark.parametrize(
    "data", [b"", b"\x90", b"\xc0", encode_entry([Part(b"p", None, None, [])])]
)
def test_an_entry_without_an_event_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableEntry):
        decode_entry({b"v": FORMAT_VERSION, b"d": data})


@pytest.mark.parametrize(
    "data",
    [
        encode_entry([make_part(b"project1", 1), make_part(b"project2", 1)]),
        b"\x91\x95\xc4\x08project1\xa1\xff\xc0\x91\x92\xa1a\xc4\x02{}\xc0",  # no UTF-8
        b"\x91\x96\xc4\x08project1\xc0\xc0\x91\x92\xa1a\xc4\x02{}\xc0" + b"\x91" * 100_000,
    ],
)
def test_an_entry_that_no_release_writes_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableEntry):
        decode_entry({b"v": FORMAT_VERSION, b"d": data})


def make_raw_entries() -> list[RawEntry]:
    """One of each kind, as Redis answers with them."""
    part, parts = make_part(b"project1", 1), [make_part(b"project1", n) for n in range(3)]
    fields: list[Fields] = [
        [b"v", b"1", b"d", encode_part(part)],
        [b"v", b"2", b"d", encode_entry([part])],
        [b"v", b"3", b"d", encode_entry(parts)],
        [b"v", b"4", b"d", encode_entry([part])],
        {b"v": b"3", b"d": encode_entry(parts)},
        [b"v", b"3", b"d", encode_entry(parts)[:-1]],
        [b"v", b"3", b"d", b""],
        [b"v", b"3", b"d", encode_entry([part]) * 2],
        [b"v", b"3"],
        None,
    ]
    return [(b"1700000000000-%d" % n, found) for n, found in enumerate(fields)]


def describe(read: Sequence[ReadEntry]) -> list[tuple[Any, ...]]:
    return [
        (one.raw_id, one.id, one.entry.parts, one.entry.event_count, one.deliveries, one.size_bytes)
        for one in read
    ]


@pytest.mark.parametrize("seed", range(20))
def test_entries_are_read_together_as_each_is_by_itself(seed: int) -> None:
    rng = random.Random(seed)
    kinds = make_raw_entries()
    for some in (rng.choices(kinds, k=3), rng.choices(kinds[1:4], k=9), []):
        deliveries = {raw_id: rng.randrange(2, 5) for raw_id, _ in some[1:]}

        together = decode_entries(0, some, deliveries)

        alone = [read for one in some for read in decode_entries(0, [one], deliveries)]
        assert describe(together) == describe(alone)
        for read, raw in zip(together, (raw for raw in some if raw in kinds[:5]), strict=True):
            assert (read.raw_id, read.id) == (raw[0], EntryId.parse(raw[0]))
            fields = raw[1] if isinstance(raw[1], dict) else pair_up(raw[1] or [])
            assert read.entry.parts == decode_entry(fields).parts


def test_a_shared_entry_that_is_stored_and_not_acked_counts_once(project: TestProject) -> None:
    admit_together(project, [make_part(project.id, n, events=2) for n in range(5)])
    reader = Reader(0, this_consumer())
    reader.ensure_group()
    batch = reader.next_batch()
    write_batch(0, prepare(batch))

    check = check_ledger(wait_seconds=0)
    assert (check.wrong, check.unacked_events) == ([], 10)

    assert drain(0).stored == 0  # delivered again, found stored at its places
    assert read_stream() == []
    [line] = read_ledger(project.id)
    assert (line.accepted, line.stored, line.duplicate, line.waiting) == (10, 10, 0, 0)


def test_a_fuse_holds_shared_entries_and_lets_them_go(project: TestProject) -> None:
    bad = [
        Part(project.id, None, None, [AcceptedEvent(f"bad-{n}", b'{"path": 1}')])
        for n in range(1_000)
    ]
    admit_together(project, bad)

    drain(0)

    fuse = collection(mongo.FUSES).find_one({"_id": project.id})
    assert fuse is not None
    assert fuse["reason"] == "invalid"
    [line] = read_ledger(project.id)
    assert (line.waiting, line.dead, line.difference) == (1_000, 0, 0)
    assert drain(0, force=True).dead == 1_000
    assert read_stream() == []


@pytest.mark.slow
def test_a_fuse_counts_the_requests_of_entries_that_the_store_refuses(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object, events: Sequence[object]) -> None:
        if events:
            raise OperationFailure("no", 10334)

    monkeypatch.setattr(store, "insert_events", refuse)
    admit_together(project, [make_part(project.id, n) for n in range(1_500)])

    drain(0)

    [line] = read_ledger(project.id)
    assert line.dead <= WINDOW_EVENTS + MAX_ENTRY_EVENTS
    assert line.stored == 0
    assert collection(mongo.FUSES).count_documents({"_id": project.id}) == 1
    assert check_ledger(wait_seconds=0).wrong == []  # of the entry in hand a part is buried

    drain(0, force=True)

    [line] = read_ledger(project.id)
    assert (line.dead, line.waiting, line.difference) == (1_500, 0, 0)


def test_requests_in_flight_together_are_one_entry(
    project: TestProject, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tap_wire(servers.stream.port) as tap, ThreadPoolExecutor(8) as threads:
        group = GroupCommit(tap.make_client(), ADMIT)
        monkeypatch.setattr(admit, "group_commit", cache(lambda: group))
        sender = admit.Sender(record_of(project), "203.0.113.9", None)

        def send(number: int) -> None:
            admit.admit(sender, [AcceptedEvent(f"id-{number}", b'{"path": "/a"}')])

        first = threads.submit(send, 0)
        assert tap.held.wait(30)
        others = [threads.submit(send, number) for number in range(1, 8)]
        wait_until_pending(group, 7)
        tap.go.set()
        for each in (first, *others):
            each.result(30)

    assert [len(decode_entry(fields).parts) for fields in read_stream()] == [1, 7]
    assert drain(0).stored == 8
