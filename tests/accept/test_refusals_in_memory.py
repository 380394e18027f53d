"""What is refused leaves nothing behind that only a collection of garbage would find."""

import gc
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.exceptions import RedisError

from analytics.databases.redis_clients import stream_client
from analytics.events.entry import AcceptedEvent, Entry, Part
from analytics.events.ids import EntryId
from analytics.events.invalid_event import InvalidEvent
from analytics.keys.records import KeyRecord
from analytics.web.problems import Unavailable
from ingestion.accept.judge import judge_batch
from ingestion.store.prepare import prepare
from ingestion.stream.calls import CallHead, SectionHead
from ingestion.stream.entries import ReadEntry
from ingestion.stream.group_commit import GroupCommit, _WaitingTicket
from ingestion.stream.scripts import Script
from tests.conftest import TestProject
from tests.poison import record_of

REFUSED = [b"{}", b"{", b'{"path":"/a","ip":"1"}', b'{"path":"/a","timestamp":"9000-01-01"}']


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def count_refusals() -> int:
    return count_of(InvalidEvent)


def count_of(kind: type[object]) -> int:
    return sum(type(found) is kind for found in gc.get_objects())


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("raw", REFUSED)
def test_a_refused_event_of_a_batch_is_gone_with_the_answer(
    project: TestProject, raw: bytes
) -> None:
    key: KeyRecord = record_of(project)

    judged = judge_batch([b'{"path":"/a"}', raw, b'{"path":"/b"}'], key, None)

    assert (len(judged.accepted), len(judged.rejected)) == (2, 1)
    assert count_refusals() == 0


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("raw", REFUSED[:3])
def test_an_event_that_is_buried_is_gone_with_its_batch(project: TestProject, raw: bytes) -> None:
    accepted = [AcceptedEvent("a", b'{"path":"/a"}'), AcceptedEvent("b", raw)]
    entry_id = EntryId(int(datetime.now(UTC).timestamp() * 1000), 1)
    entry = Entry([Part(project.id, None, None, accepted)])

    [stored, dead] = prepare([ReadEntry(b"1-1", entry_id, entry, 1)])

    assert (stored.failure, dead.failure is None) == (None, False)
    assert count_refusals() == 0


@pytest.mark.usefixtures("no_collection")
def test_a_request_that_redis_did_not_take_is_gone_with_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(calls: Any) -> Any:
        raise RedisError("gone")

    group = GroupCommit(stream_client(), Script(b"", b""))
    monkeypatch.setattr(group, "_commit", fail)

    for _ in range(3):
        with suppress(Unavailable):
            group.call(SectionHead(CallHead((), ()), (), ()), (b"body",))

    assert count_of(_WaitingTicket) == 0
