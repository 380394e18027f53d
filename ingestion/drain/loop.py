"""Drain: move waiting events from the stream to MongoDB, batch by batch.

The order is the guarantee: read, store, ack. A crash between two steps repeats work, and
repeated work is harmless.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass

import structlog
from django.conf import settings
from pymongo.errors import PyMongoError

from analytics.databases import redis_clients as names
from analytics.databases.redis_keys import GROUP, stream_key, waiting_key, wake_key
from ingestion.drain.backoff import Backoff
from ingestion.drain.counting import count_batch, count_store_error, trace_batch
from ingestion.drain.fuse import Fuses
from ingestion.drain.reader import Reader
from ingestion.store.errors import StoreUnavailable
from ingestion.store.prepare import REFUSED_BY_STORE, Failure, PreparedEvent, prepare
from ingestion.store.transaction import BatchPlan, write_batch
from ingestion.stream.consumers import this_consumer
from ingestion.stream.entries import ReadEntry
from ingestion.stream.scripts import ACK, run_script
from ingestion.stream.sessions import note_sessions_again

log = structlog.get_logger(__name__)

LINGER_SECONDS = 0.05
# Transactions in flight: while one waits for its commit, MongoDB inserts the next.
WRITERS = 2
MAX_RUN_ENTRIES = 1_000  # Lua passes at most some thousands of arguments

# One drain at a time in a process: its consumer's left-overs are its own.
_draining = threading.Lock()


@dataclass(slots=True)
class DrainResult:
    """What one drain did; `work_left` asks for another."""

    stored: int = 0
    duplicates: int = 0
    dead: int = 0
    work_left: bool = False

    def add(self, parts: Sequence[BatchPlan]) -> None:
        for written in parts:
            self.stored += len(written.new)
            self.duplicates += len(written.duplicates)
            self.dead += len(written.dead)


_backoff = Backoff()


def drain(
    partition: int, budget_seconds: float | None = None, *, force: bool = False
) -> DrainResult:
    """Store what waits in a partition until it is empty or the time is up.

    Returns at once while another drain of this process runs, and while MongoDB is left alone
    after an error. A batch that was begun is always finished. With `force` no fuse holds
    anything back.
    """
    result = DrainResult()
    if not _draining.acquire(blocking=False):
        return result
    try:
        if _backoff.may_try():
            budget = settings.DRAIN_BUDGET_SECONDS if budget_seconds is None else budget_seconds
            _drain(partition, time.monotonic() + budget, result, Fuses(partition, forced=force))
    except StoreUnavailable as exc:
        _backoff.note_failure()
        count_store_error()
        log.warning("store_unavailable", error=str(exc)[:300])
    except PyMongoError as exc:
        _backoff.note_failure()
        count_store_error()
        log.warning("store_unavailable", error=repr(exc)[:300])
    finally:
        _draining.release()
    return result


def _drain(partition: int, deadline: float, result: DrainResult, fuses: Fuses) -> None:
    with (
        ThreadPoolExecutor(1, "read") as ahead,
        ThreadPoolExecutor(1, "ack") as acker,
        ThreadPoolExecutor(WRITERS, "store") as writer,
    ):
        reader = Reader(partition, this_consumer(), ahead=ahead)
        reader.ensure_group()
        note_sessions_again()
        names.stream_client().delete(wake_key(partition))
        result.add(fuses.try_again())
        reader.leave_alone(fuses.holders)
        acks = Acks(acker)
        writing: deque[Future[list[BatchPlan]]] = deque()
        lingered = False
        while True:
            in_time = time.monotonic() < deadline
            read = reader.next_batch(may_read=in_time)
            # While the batches before are being stored:
            batch, events = fuses.withhold(*prepare_isolating(read))
            while len(writing) >= (WRITERS if batch else 1):
                result.add(writing.popleft().result())
                acks.check()
            if batch:
                writing.append(writer.submit(store_batch, partition, batch, events, acks, fuses))
            elif not read and (lingered or not in_time):
                result.work_left = not in_time
                acks.check(wait=True)
                return
            lingered = not read
            if in_time and len(events) < settings.WORKER_BATCH_SIZE // 2:
                time.sleep(LINGER_SECONDS)  # a few milliseconds more make fewer, larger batches


def prepare_isolating(
    batch: Sequence[ReadEntry],
) -> tuple[Sequence[ReadEntry], Sequence[PreparedEvent]]:
    """Prepare a batch, and leave out of it each entry that our own code fails on.

    Such an entry stays pending, with an error in the log, for a release that can handle it.
    """
    try:
        return batch, prepare(batch)
    except PyMongoError:
        raise
    except Exception:
        if len(batch) == 1:
            log.exception("entry_not_prepared", entry_id=batch[0].raw_id.decode())
            return [], []
    middle = len(batch) // 2
    left, left_events = prepare_isolating(batch[:middle])
    right, right_events = prepare_isolating(batch[middle:])
    return [*left, *right], [*left_events, *right_events]


class Acks:
    """The acks under way. Each waits for the disk of Redis, and the next batch does not."""

    def __init__(self, acker: Executor) -> None:
        self._acker = acker
        self._futures: deque[Future[None]] = deque()

    def submit(self, partition: int, batch: Sequence[ReadEntry]) -> None:
        self._futures.append(self._acker.submit(ack, partition, batch))

    def check(self, *, wait: bool = False) -> None:
        """Raise the error of an ack that failed; `wait` for all of them."""
        while self._futures and (wait or self._futures[0].done()):
            self._futures.popleft().result()


def store_batch(
    partition: int,
    batch: Sequence[ReadEntry],
    events: Sequence[PreparedEvent],
    acks: Acks,
    fuses: Fuses,
) -> list[BatchPlan]:
    """Store `events`, those of `batch`, and only then have it acked.

    A suspect entry goes event by event.
    """
    started = time.perf_counter()
    parts = [[event] for event in events] if batch[0].is_suspect else [events]
    written = [done for part in parts for done in write_isolating(partition, part, fuses)]
    stored = fuses.release(batch)
    trace_batch(stored, time.perf_counter() - started)
    if stored:
        acks.submit(partition, stored)
    count_batch(written, len(events), time.perf_counter() - started)
    return written


def write_isolating(
    partition: int, events: Sequence[PreparedEvent], fuses: Fuses
) -> list[BatchPlan]:
    """Write `events`; where one of them can never be stored, halve until it is alone.

    That one is buried, if no fuse forbids it. Each part is a transaction of its own, and
    repeating any is harmless.
    """
    try:
        return [write_batch(partition, events)]
    except PyMongoError as exc:
        if len(events) == 1:
            if not fuses.may_bury(events[0], REFUSED_BY_STORE):
                return []
            events[0].failure = Failure(REFUSED_BY_STORE, repr(exc))
            return [write_batch(partition, events)]
        log.warning("batch_isolated", events=len(events), error=repr(exc)[:300])
    middle = len(events) // 2
    return [
        *write_isolating(partition, events[:middle], fuses),
        *write_isolating(partition, events[middle:], fuses),
    ]


def ack(partition: int, batch: Sequence[ReadEntry]) -> None:
    """Take stored entries out of the stream and off the books of what waits."""
    runs: dict[tuple[bytes, int, int], list[bytes]] = {}
    for read in batch:
        run = (read.entry.project_id, read.id.day, read.entry.event_count)
        runs.setdefault(run, []).append(read.raw_id)
    arguments: list[object] = [GROUP]
    for (project_id, _, events), ids in runs.items():
        for start in range(0, len(ids), MAX_RUN_ENTRIES):
            part = ids[start : start + MAX_RUN_ENTRIES]
            arguments += (project_id.hex(), events, len(part), *part)
    keys = [stream_key(partition), waiting_key(partition)]
    run_script(names.stream_client(), ACK, keys, arguments)
