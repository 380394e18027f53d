"""Drain: move waiting events from the stream to MongoDB, batch by batch.

The order is the guarantee: read, store, ack. A crash between two steps repeats work, and
repeated work is harmless.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass

import structlog
from django.conf import settings
from pymongo.errors import PyMongoError

from ingestion.drain.acks import Acks
from ingestion.drain.backoff import Backoff
from ingestion.drain.batch import Batch, join_batches
from ingestion.drain.counting import count_batch, count_store_error, trace_batch
from ingestion.drain.fuse import Fuses
from ingestion.drain.halving import halve_until_alone
from ingestion.drain.holding import hold_back, try_again
from ingestion.drain.patience import Patience
from ingestion.drain.reader import Reader
from ingestion.store.errors import StoreUnavailable
from ingestion.store.plan import BatchPlan
from ingestion.store.prepare import REFUSED_BY_STORE, Failure, PreparedEvent, prepare
from ingestion.store.transaction import write_batch
from ingestion.stream.consumers import this_consumer
from ingestion.stream.entries import ReadEntry
from ingestion.stream.sessions import note_sessions_again
from ingestion.stream.signals import note_stored

log = structlog.get_logger(__name__)

# Transactions in flight: while one waits for its commit, MongoDB inserts the next.
WRITERS = 2

# One drain at a time of a partition in a process: its consumer's left-overs are its own.
_draining: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
# Partitions that another drain was asked for meanwhile: it may have come after the last read.
_asked_again: set[int] = set()
_backoff = Backoff()


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


def drain(
    partition: int,
    budget_seconds: float | None = None,
    *,
    force: bool = False,
    patient: bool = False,
) -> DrainResult:
    """Store what waits in a partition until it is empty or the time is up.

    Returns at once while another drain of it runs in this process, which then has work left, and
    while MongoDB is left alone after an error. A batch that was begun is always finished. With
    `force` no fuse holds anything back; with `patient` few events wait for more of them.
    """
    result = DrainResult()
    draining = _draining[partition]
    _asked_again.add(partition)  # before the look at the lock: its holder looks after it lets go
    if not draining.acquire(blocking=False):
        return result
    _asked_again.discard(partition)
    try:
        if _backoff.may_try():
            budget = settings.DRAIN_BUDGET_SECONDS if budget_seconds is None else budget_seconds
            fuses, patience = Fuses(partition, forced=force), Patience(partition, patient=patient)
            _drain(partition, time.monotonic() + budget, result, fuses, patience)
    except StoreUnavailable as exc:
        _backoff.note_failure()
        count_store_error()
        log.warning("store_unavailable", error=str(exc)[:300])
    except PyMongoError as exc:
        _backoff.note_failure()
        count_store_error()
        log.warning("store_unavailable", error=repr(exc)[:300])
    finally:
        draining.release()
    if partition in _asked_again:
        result.work_left = True
    return result


def _drain(
    partition: int, deadline: float, result: DrainResult, fuses: Fuses, patience: Patience
) -> None:
    with (
        ThreadPoolExecutor(1, "read") as ahead,
        ThreadPoolExecutor(1, "ack") as acker,
        ThreadPoolExecutor(WRITERS, "store") as writers,
    ):
        reader = Reader(partition, this_consumer(), ahead=ahead)
        Drainer(partition, reader, fuses, writers, Acks(acker), result, patience).run(deadline)


class Drainer:
    """One drain of a partition. Each batch is read -> prepared -> held -> stored -> acked.

    This thread does the first three, while writers store the batches before and the acker
    acknowledges those before them.
    """

    def __init__(
        self, partition: int, reader: Reader, fuses: Fuses, writers: Executor, acks: Acks,
        result: DrainResult, patience: Patience,
    ) -> None:  # fmt: skip
        self._partition = partition
        self._reader = reader
        self._fuses = fuses
        self._writers = writers
        self._acks = acks
        self._result = result
        self._patience = patience
        self._writing: deque[Future[list[BatchPlan]]] = deque()

    def run(self, deadline: float) -> None:
        self._begin()
        is_last = False  # whether this read is the last one, if it finds nothing
        while True:
            in_time = time.monotonic() < deadline
            entries = self.read(in_time)
            batch = self.hold(self.prepare(entries))
            self._await_writers(WRITERS - 1 if batch.entries else 0)
            if batch.entries:
                self._writing.append(self._writers.submit(self.store_and_ack, batch))
            elif not entries and (is_last or not in_time):
                self._result.work_left = not in_time
                self._acks.check(wait=True)
                return
            is_last = not entries
            if is_last or not in_time:
                self._patience.let_others_signal()
            elif len(batch.events) < settings.WORKER_BATCH_SIZE // 2 and not self._reader.has_more:
                self._patience.wait_for_more(len(batch.events))

    def read(self, in_time: bool) -> Sequence[ReadEntry]:
        """When the time is up, only what is in hand."""
        return self._reader.next_batch(may_read=in_time)

    def prepare(self, entries: Sequence[ReadEntry]) -> Batch:
        """Judge and encode each event, and leave out each entry that our own code fails on.

        Such an entry stays pending, with an error in the log, for a release that can handle it.
        """
        return join_batches(
            halve_until_alone(
                entries, _prepare_together, _leave_pending, on=Exception, but=(PyMongoError,)
            )
        )

    def hold(self, batch: Batch) -> Batch:
        """Hold back in the stream what a fuse says must not be buried."""
        held = self._fuses.choose_held(batch)
        hold_back(self._partition, held)
        return batch.without(held)

    def store_and_ack(self, batch: Batch) -> list[BatchPlan]:
        """In a writer's thread: store the events of a batch, and only then have it acked."""
        started = time.perf_counter()
        written = self.store(batch)
        stored = self.hold_refused(batch)
        trace_batch(stored, time.perf_counter() - started)
        self.ack(stored)
        count_batch(written, len(batch.events), time.perf_counter() - started)
        note_stored()
        return written

    def store(self, batch: Batch) -> list[BatchPlan]:
        """All events in one transaction; those of a suspect entry one by one.

        Where one of them can never be stored it is alone in the end, and buried, if no fuse
        forbids it. Each part is a transaction of its own, and repeating any is harmless.
        """
        parts = [[event] for event in batch.events] if batch.is_suspect else [batch.events]
        return [
            plan
            for part in parts
            for plan in halve_until_alone(part, self._write, self._bury, on=PyMongoError)
        ]

    def hold_refused(self, batch: Batch) -> Sequence[ReadEntry]:
        """Hold back the entries of what might not be buried; the others may be acked."""
        refused = self._fuses.choose_refused(batch)
        hold_back(self._partition, refused)
        return batch.without(refused).entries

    def ack(self, entries: Sequence[ReadEntry]) -> None:
        """In the acker's thread: take them out of the stream."""
        if entries:
            self._acks.submit(self._partition, entries)

    def _begin(self) -> None:
        self._reader.ensure_group()
        note_sessions_again()
        self._patience.begin()
        self._result.add(try_again(self._partition, self._fuses))
        self._reader.leave_alone(self._fuses.holders)

    def _await_writers(self, most: int) -> None:
        """Until at most so many batches are being stored."""
        while len(self._writing) > most:
            self._result.add(self._writing.popleft().result())
            self._acks.check()

    def _write(self, events: Sequence[PreparedEvent]) -> BatchPlan:
        try:
            return write_batch(self._partition, events)
        except PyMongoError as exc:
            if len(events) > 1:
                log.warning("batch_isolated", events=len(events), error=repr(exc)[:300])
            raise

    def _bury(self, event: PreparedEvent, exc: Exception) -> BatchPlan | None:
        if not self._fuses.may_bury(event, REFUSED_BY_STORE):
            return None
        event.failure = Failure(REFUSED_BY_STORE, repr(exc))
        return write_batch(self._partition, [event])


def _prepare_together(entries: Sequence[ReadEntry]) -> Batch:
    return Batch(entries, prepare(entries))


def _leave_pending(read: ReadEntry, _: Exception) -> None:
    log.exception("entry_not_prepared", entry_id=read.raw_id.decode())
