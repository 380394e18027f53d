"""Read entries of a partition: our own left-overs, those of the gone and the stale, then new."""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor, Future

import structlog
from django.conf import settings

from analytics.databases import redis_clients as names
from analytics.databases.redis_keys import GROUP, stream_key
from ingestion.stream.answers import RawEntry, Reply, stream_commands
from ingestion.stream.claims import Holding, claim_entries, list_consumers
from ingestion.stream.consumers import Consumer
from ingestion.stream.entries import (
    MAX_SHARED_DELIVERIES,
    ReadEntry,
    decode_entries,
    pick_suspect,
)
from ingestion.stream.scripts import ENSURE_GROUP, run_script
from ingestion.stream.sessions import end_session_of

log = structlog.get_logger(__name__)

_MEBIBYTE = 1024 * 1024

READ_ENTRIES = 64
MAX_READ_ENTRIES = 2_000  # a batch of those that hold one event each
MAX_BATCH_BYTES = 8 * _MEBIBYTE


class Reader:
    """The entries of one partition as one consumer reads them, for one drain.

    What it has read is in the consumer's pending list until it is acked; an entry that is read
    and then given up is found again by the next Reader of the same process.
    """

    def __init__(
        self, partition: int, consumer: Consumer, *, ahead: Executor | None = None
    ) -> None:
        """With `ahead`, a thread of it reads while what was read before is being handled."""
        self._client = names.stream_client()
        self._partition = partition
        self._stream = stream_key(partition)
        self._consumer = str(consumer)
        self._left_alone = {self._consumer}
        self._ahead = ahead
        self._coming: Future[list[RawEntry]] | None = None
        self._in_hand: deque[ReadEntry] = deque()
        self._suspects: list[ReadEntry] = []
        self._was_suspect = True  # the last batch: as if, so that others come first
        self._own_cursor: bytes | None = b"0"
        self._may_claim = True
        self._read_entries = READ_ENTRIES
        self._may_be_more = False  # the last read of new entries was a full one

    def ensure_group(self) -> None:
        """Create the stream and its group, which starts at the stream's first entry."""
        run_script(self._client, ENSURE_GROUP, [self._stream], [GROUP])

    def leave_alone(self, consumers: Iterable[str]) -> None:
        """Claim nothing from these: what they hold, open fuses hold back."""
        self._left_alone.update(consumers)

    @property
    def has_more(self) -> bool:
        """Whether it has read more than it has given, or is reading it."""
        return bool(self._in_hand or self._suspects or self._coming)

    def next_batch(self, *, may_read: bool = True) -> list[ReadEntry]:
        """Whole entries of up to WORKER_BATCH_SIZE events and 8 MiB; empty when none waits.

        A suspect entry is a batch of its own, after one of others. Without `may_read`, only what
        is in hand or coming: a drain whose time is up leaves only suspects behind of what it read.
        """
        suspects_turn = may_read and bool(self._suspects) and not self._was_suspect
        batch = [] if suspects_turn else self._fill_batch(may_read)
        if not batch and may_read and self._suspects:
            batch = [pick_suspect(self._suspects)]
        self._was_suspect = bool(batch) and batch[0].is_suspect
        if self._ahead and may_read and self._may_be_more and not self._coming:
            self._coming = self._ahead.submit(self._read, b">")
        return batch

    def _fill_batch(self, may_read: bool) -> list[ReadEntry]:
        batch: list[ReadEntry] = []
        events = size_bytes = 0
        max_events = settings.WORKER_BATCH_SIZE
        in_hand = self._in_hand
        while in_hand or (events < max_events and self._find_more(may_read)):
            following = in_hand[0]
            events += following.entry.event_count
            size_bytes += following.size_bytes
            if batch and (events > max_events or size_bytes > MAX_BATCH_BYTES):
                break
            batch.append(in_hand.popleft())
        return batch

    def _find_more(self, may_read: bool) -> bool:
        """Put in hand what was read ahead, or else what is read now."""
        coming, self._coming = self._coming, None
        if coming and self._take_new(coming.result()):
            return True
        return may_read and self._read_more()

    def _read_more(self) -> bool:
        """Put entries in hand from the first source that has any, suspects aside."""
        while self._own_cursor is not None and self._has_room():
            if self._take(self._read_own(), redelivered=True):
                return True
        while self._may_claim and self._has_room():
            if self._take(self._claim(), redelivered=True):
                return True
        while entries := self._read(b">"):
            if self._take_new(entries):
                return True
        return False

    def _has_room(self) -> bool:
        """For what was delivered before, which may all be suspects."""
        return len(self._suspects) < READ_ENTRIES

    def _take_new(self, raw_entries: list[RawEntry]) -> bool:
        self._may_be_more = len(raw_entries) >= self._read_entries
        return self._take(raw_entries, redelivered=False)

    def _take(self, raw_entries: list[RawEntry], *, redelivered: bool) -> bool:
        before = len(self._in_hand)
        deliveries = self._count_deliveries(raw_entries) if redelivered else {}
        for read in decode_entries(self._partition, raw_entries, deliveries):
            (self._suspects if read.is_suspect else self._in_hand).append(read)
        self._adapt()
        return len(self._in_hand) > before

    def _adapt(self) -> None:
        """Read as many entries at once as make a batch, going by those in hand.

        Each read is on the disk of Redis before it is answered, so few reads are fast ones. Where
        larger entries follow upon small ones it brings more than a batch, at the very worst
        MAX_READ_ENTRIES of 256 KiB.
        """
        events = sum([read.entry.event_count for read in self._in_hand])
        size_bytes = sum([read.size_bytes for read in self._in_hand])
        entries = len(self._in_hand)
        if entries:
            by_events = settings.WORKER_BATCH_SIZE * entries // events
            by_bytes = MAX_BATCH_BYTES * entries // max(1, size_bytes)
            wanted = min(by_events, by_bytes, MAX_READ_ENTRIES)
            self._read_entries = max(READ_ENTRIES, wanted)

    def _count_deliveries(self, raw_entries: list[RawEntry]) -> dict[bytes, int]:
        ids = [raw_id for raw_id, _ in raw_entries if raw_id]
        if not ids:
            return {}
        pending = stream_commands().xpending_range(
            self._stream, GROUP, ids[0], ids[-1], len(ids), self._consumer
        )
        counts = {item["message_id"]: int(item["times_delivered"]) for item in pending}
        return {raw_id: max(2, counts.get(raw_id, 2)) for raw_id in ids}

    def _read(self, after: bytes) -> list[RawEntry]:
        answer: Reply = self._client.execute_command(
            "XREADGROUP", "GROUP", GROUP, self._consumer, "COUNT", self._read_entries,
            "STREAMS", self._stream, after,
        )  # fmt: skip
        return list(answer[0][1]) if answer else []

    def _read_own(self) -> list[RawEntry]:
        entries = self._read(self._own_cursor or b"0")
        self._own_cursor = entries[-1][0] if entries else None
        if deleted := [raw_id for raw_id, fields in entries if not fields]:
            self._client.xack(self._stream, GROUP, *deleted)
        return entries

    def _claim(self) -> list[RawEntry]:
        """Of a consumer that is gone or silent, or of one that held back what now may go on."""
        for other in list_consumers(self._partition):
            if not other.pending or other.name in self._left_alone or other.is_of_unknown_format:
                continue
            if entries := self._claim_from(other):
                return entries
        self._may_claim = False
        return []

    def _claim_from(self, other: Holding) -> list[RawEntry]:
        if other.is_holder:
            return claim_entries(self._partition, other, self._consumer, READ_ENTRIES)
        if other.is_gone:
            end_session_of(self._partition, other.name)
            # Not its suspects: they have perhaps killed it, and rest until they are stale.
            entries = claim_entries(
                self._partition, other, self._consumer, READ_ENTRIES,
                most_deliveries=MAX_SHARED_DELIVERIES,
            )  # fmt: skip
            if entries:
                log.info("claimed_from_gone_consumer", gone=other.name, entries=len(entries))
                return entries
        idle_ms = int(settings.CLAIM_IDLE_SECONDS * 1000)
        if other.idle_ms < idle_ms and not other.is_gone:
            return []  # it is at work, and goes on with its own left-overs
        return claim_entries(self._partition, other, self._consumer, READ_ENTRIES, idle_ms=idle_ms)
