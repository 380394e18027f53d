"""Group commit: many requests share a write, and each gets the reply to its own call or none."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import pytest

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import waiting_key
from analytics.events.entry import AcceptedEvent
from analytics.keys.authentication import authenticate
from analytics.web.problems import Unavailable
from ingestion.accept import admit
from ingestion.stream import calls, group_commit
from ingestion.stream.calls import CallHead, SectionHead
from ingestion.stream.group_commit import GroupCommit
from ingestion.stream.scripts import ADMIT, Script
from tests.accept.test_post_event import read_entries
from tests.conftest import TestProject
from tests.server.wire_tap import WireTap, tap_wire
from tests.servers_plugin import Servers

THREADS = 16
OTHERS = THREADS - 1
REPLY_BYTES = len(b"$2\r\n10\r\n")
CALL = CallHead((), ())
HEAD = SectionHead(CALL, (), ())
# The requests of all sections, one argument each.
ECHO = b"""
local texts, at = {}, 1
while at <= #ARGV do
  for i = at + 1, at + ARGV[at] do texts[#texts + 1] = ARGV[i] end
  at = at + 1 + ARGV[at]
end
return texts
"""


def load(source: bytes) -> Script:
    digest: Any = stream_client().script_load(source.decode())
    return Script(source, digest)


@pytest.fixture
def echo(store: None) -> Script:
    return load(ECHO)


@pytest.fixture
def tap(store: None, servers: Servers) -> Iterator[WireTap]:
    with tap_wire(servers.stream.port) as tap:
        yield tap


@contextmanager
def hold_first_write(
    tap: WireTap, group: GroupCommit
) -> Iterator[tuple[Future[Any], list[Future[Any]]]]:
    """The call of a first write that is under way, and those that wait for the next one."""
    with ThreadPoolExecutor(THREADS) as threads:
        first = threads.submit(group.call, HEAD, (b"first",))
        assert tap.held.wait(30)
        others = []
        for n in range(OTHERS):
            others.append(threads.submit(group.call, HEAD, (b"%d" % (10 + n),)))
            wait_until_pending(group, n + 1)
        yield first, others


def wait_until_pending(group: GroupCommit, count: int) -> None:
    deadline = time.monotonic() + 30
    while len(group._pending) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_each_request_gets_the_reply_to_its_own_call(echo: Script) -> None:
    group = GroupCommit(stream_client(), echo)

    def call(worker: int) -> bool:
        texts = [b"%d-%d" % (worker, n) for n in range(50)]
        return all(group.call(HEAD, (text,)) == text for text in texts)

    with ThreadPoolExecutor(THREADS) as threads:
        assert all(threads.map(call, range(THREADS)))


def test_requests_that_come_during_a_write_share_the_next(echo: Script, tap: WireTap) -> None:
    group = GroupCommit(tap.make_client(), echo)
    with hold_first_write(tap, group) as (first, others):
        tap.go.set()

        assert first.result(30) == b"first"
        assert [other.result(30) for other in others] == [b"%d" % (10 + n) for n in range(OTHERS)]
    assert tap.writes == 2


def test_who_is_given_the_lead_before_it_begins_to_wait_leads(
    echo: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before it is done at the very moment between its entry and its wait."""
    group = GroupCommit(stream_client(), echo)
    group.enlist([])  # somebody leads
    enlist = group.enlist

    def be_overtaken(tickets: Any) -> bool:
        begins = enlist(tickets)
        group._hand_over()
        return begins

    monkeypatch.setattr(group, "enlist", be_overtaken)
    replies: list[Any] = []
    thread = threading.Thread(
        target=lambda: replies.append(group.call(HEAD, (b"one",))), daemon=True
    )
    thread.start()
    thread.join(30)

    assert replies == [b"one"]


@pytest.mark.parametrize("cut_bytes", [0, REPLY_BYTES, 2 * REPLY_BYTES + 3])
def test_a_lost_reply_refuses_every_request_of_that_write(
    echo: Script, tap: WireTap, cut_bytes: int
) -> None:
    tap.cut_write, tap.cut_bytes = 2, cut_bytes
    group = GroupCommit(tap.make_client(), echo)
    with hold_first_write(tap, group) as (first, others):
        tap.go.set()

        assert first.result(30) == b"first"
        for other in others:
            assert isinstance(other.exception(30), Unavailable)
    assert group.call(HEAD, (b"next",)) == b"next"


def test_a_fault_that_is_no_lost_connection_frees_those_who_wait(
    echo: Script, tap: WireTap, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = GroupCommit(tap.make_client(), echo)
    with hold_first_write(tap, group) as (first, others):
        monkeypatch.setattr(group, "_commit", fail)
        tap.go.set()

        assert first.result(30) == b"first"
        leader, *followers = (other.exception(30) for other in others)
        assert isinstance(leader, ZeroDivisionError)
        assert all(isinstance(follower, Unavailable) for follower in followers)
    monkeypatch.undo()
    assert group.call(HEAD, (b"next",)) == b"next"


def fail(calls: Any) -> Any:
    raise ZeroDivisionError


def test_requests_share_a_call_where_its_head_is_the_same_and_it_is_not_too_long(
    store: None, tap: WireTap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a section stay together, in their order, also among those of another."""
    saying = load(b"""
        local said, at, sections = {}, 2, ''
        while at <= #ARGV do
          sections = sections .. ARGV[at] .. ARGV[at + 1]
          for i = at + 2, at + 1 + ARGV[at + 1] do said[#said + 1] = ARGV[i] end
          at = at + 2 + ARGV[at + 1]
        end
        for i = 1, #said do said[i] = ARGV[1] .. said[i] .. sections end
        return said
    """)
    monkeypatch.setattr(calls, "MAX_CALL_BYTES", 8)
    group = GroupCommit(tap.make_client(), saying)
    tap.go.set()
    x, y = (CallHead((), (name,)) for name in (b"x", b"y"))
    a, b, c = SectionHead(x, (), (b"a",)), SectionHead(x, (), (b"b",)), SectionHead(y, (), (b"c",))
    tickets = [
        group_commit._WaitingTicket(head, (b"%02d" % n,), group._take_latch())
        for n, head in enumerate([a, b, c, a, b, a, c])
    ]

    group.enlist(tickets)
    group.lead()

    assert [ticket.reply for ticket in tickets] == [
        *(b"x00a2b2", b"x01a2b2", b"y02c2", b"x03a2b2", b"x04a2b2", b"x05a1", b"y06c2")
    ]
    assert tap.writes == 1


def test_an_error_refuses_the_requests_of_its_call_alone(store: None) -> None:
    picky = load(b"if table.remove(ARGV, 1) == 'bad' then error('no') end " + ECHO)
    heads = [SectionHead(CallHead((), (text,)), (), ()) for text in (b"bad", b"good")]
    group = GroupCommit(stream_client(), picky)

    def call(n: int) -> bool:
        if n % 3:
            return bool(group.call(heads[1], (b"%d" % n,)) == b"%d" % n)
        with pytest.raises(Unavailable):
            group.call(heads[0], (b"%d" % n,))
        return True

    with ThreadPoolExecutor(THREADS) as threads:
        assert all(threads.map(call, range(300)))


def test_a_call_with_too_few_replies_refuses_all_of_its_requests(store: None) -> None:
    group = GroupCommit(stream_client(), load(b"return {}"))

    for _ in range(2):  # and frees the next ones
        with pytest.raises(Unavailable):
            group.call(HEAD, (b"one",))


def test_a_script_that_redis_forgot_is_loaded_and_the_calls_sent_again(echo: Script) -> None:
    group = GroupCommit(stream_client(), echo)

    def call(n: int) -> bool:
        return bool(group.call(HEAD, (b"%d" % n,)) == b"%d" % n)

    with ThreadPoolExecutor(THREADS) as threads:
        for _ in range(10):
            stream_client().script_flush()
            assert all(threads.map(call, range(THREADS)))


def test_a_long_outage_does_not_use_up_the_connections(echo: Script, tap: WireTap) -> None:
    """redis-py's pool lends 100 connections and counts each that it ever made."""
    tap.go.set()
    group = GroupCommit(tap.make_client(), echo)
    tap.is_refusing = True
    for _ in range(150):
        with pytest.raises(Unavailable):
            group.call(HEAD, (b"lost",))

    tap.is_refusing = False

    assert group.call(HEAD, (b"next",)) == b"next"


def test_too_few_replicas_refuse_the_whole_write(
    echo: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "WAIT_MS", 10)
    group = GroupCommit(stream_client(), echo, wait_replicas=1)

    with pytest.raises(Unavailable):
        group.call(HEAD, (b"alone",))


def test_requests_whose_connection_breaks_are_never_falsely_accepted(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every 202 has its event in the stream; a 503 may have one, which its resend repeats."""
    group = GroupCommit(stream_client(), ADMIT)
    monkeypatch.setattr(admit, "group_commit", cache(lambda: group))
    monkeypatch.setattr(admit, "signal_drain", lambda partition: None)
    sender = admit.Sender(authenticate(f"Bearer {project.ingest_key}"), None, None)
    accepted: list[str] = []
    stop = threading.Event()

    def send(worker: int) -> None:
        for n in range(40):
            event = AcceptedEvent(f"{worker}-{n}", b'{"path":"/a"}')
            with suppress(Unavailable):
                admit.admit(sender, [event])
                accepted.append(event.event_id)

    def break_connections() -> None:
        while not stop.wait(random.uniform(0, 0.005)):
            stream_client().client_kill_filter(_type="normal", skipme=True)

    with ThreadPoolExecutor(THREADS + 1) as threads:
        breaking = threads.submit(break_connections)
        for sending in [threads.submit(send, worker) for worker in range(THREADS)]:
            sending.result(60)
        stop.set()
        breaking.result(30)

    kept = [event.event_id for entry in read_entries() for event in entry.events]
    assert len(accepted) > THREADS
    assert set(kept).issuperset(accepted)
    assert stream_client().hget(waiting_key(0), "total") == b"%d" % len(kept)
