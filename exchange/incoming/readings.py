"""The readings of this process that go on with the next stride of an import."""

import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.remembered import forgets
from exchange.incoming.job import Import, file_of
from exchange.incoming.mapping import Mapping
from exchange.incoming.options import Options
from exchange.incoming.reading import Reading, open_source
from upkeep.jobs.job import MustWait

MOST_KEPT: Final = 4
"""Each is a process with its memory: projects share these."""
TURN_SECONDS: Final = 30.0
"""So long a place is its project's, at least, where each place is of another one."""
_IDLE_SECONDS: Final = 60.0


@dataclass
class _Turn:
    """Of a reading: it passes the rows before its own, then gives these."""

    passed: int
    began: float = field(default_factory=time.monotonic)
    there: float | None = None

    def is_over(self) -> bool:
        """It gave rows for as long as it passed others: else it might never come to new ones."""
        if self.there is None:
            return False
        return time.monotonic() - self.there >= max(TURN_SECONDS, self.there - self.began)


@dataclass
class _Kept:
    project_id: bytes
    reading: Reading
    timer: threading.Timer
    since: float = field(default_factory=time.monotonic)

    def end(self) -> None:
        self.timer.cancel()
        with suppress(OSError):
            self.reading.close()


class Readings:
    """The readings of this process that go on with the next stride, or end soon.

    A new one would pass all rows before again.
    """

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._turns: WeakKeyDictionary[Reading, _Turn] = WeakKeyDictionary()
        self._mutex = threading.Lock()

    def take(self, job: Import, row: int) -> Reading:
        """A reading of the job's file that has given no row behind `row`.

        Raises MustWait where the project has its share of them, or each is of another project
        whose turn it still is; and PyMongoError.
        """
        with self._mutex:
            kept = self._kept.pop(job.id, None)
        if kept:
            if kept.reading.row <= row:
                kept.timer.cancel()
                return kept.reading
            kept.end()
        if len(self._kept) >= MOST_KEPT:
            self._end_done()
            self._make_room(job.project_id)
        choice = job.document["choice"]
        assert choice is not None
        reading = open_source(
            file_of(job),
            choice["source"],  # type: ignore[arg-type]
            msgspec.convert(choice["mapping"], Mapping) if choice["mapping"] else None,
            options=msgspec.convert(choice["options"], Options),
            skip=row,
        )
        self._turns[reading] = _Turn(row)
        return reading

    def give_back(self, job: Import, reading: Reading) -> None:
        turn = self._turns[reading]
        if turn.there is None and reading.row > turn.passed:
            turn.there = time.monotonic()
        timer = threading.Timer(_IDLE_SECONDS, self._end, (job.id,))
        timer.daemon = True
        with self._mutex:
            self._kept[job.id] = _Kept(job.project_id, reading, timer)
        timer.start()

    def _end_done(self) -> None:
        """An import that has ended needs no reading any more. Raises PyMongoError."""
        known = list(self._kept)
        still = collection(mongo.IMPORTS).find({"_id": {"$in": known}, "open": True}, {"_id": 1})
        for job_id in set(known) - {each["_id"] for each in still}:
            self._end(job_id)

    def _make_room(self, project_id: bytes) -> None:
        """End the longest idle reading of whoever has the most, for a project that has fewer.

        Two that would only change places with each other do so by turns. Raises MustWait.
        """
        with self._mutex:
            if len(self._kept) < MOST_KEPT:
                return
            shares = Counter(kept.project_id for kept in self._kept.values())
            own, most = shares[project_id], max(shares.values())
            found = [
                (kept.since, job_id)
                for job_id, kept in self._kept.items()
                if shares[kept.project_id] == most
                and (most > own + 1 or (not own and self._turns[kept.reading].is_over()))
            ]
            if not found:
                raise MustWait
            kept = self._kept.pop(min(found)[1])
        kept.end()

    def _end(self, job_id: str) -> None:
        with self._mutex:
            kept = self._kept.pop(job_id, None)
        if kept:
            kept.end()

    def close(self) -> None:
        for job_id in list(self._kept):
            self._end(job_id)


READINGS: Final = Readings()
forgets(READINGS.close)
