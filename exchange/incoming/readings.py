"""The readings of this process that go on with the next stride of an import."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from analytics.remembered import forgets
from exchange.incoming.job import Import, file_of
from exchange.incoming.mapping import Mapping
from exchange.incoming.options import Options
from exchange.incoming.reading import Reading, open_source
from upkeep.jobs.job import MustWait

MOST_KEPT: Final = 4
"""Each is a process with its memory; an import beyond waits until one of these is read."""
_IDLE_SECONDS: Final = 60.0


@dataclass
class _Kept:
    reading: Reading
    timer: threading.Timer


class Readings:
    """The readings of this process that go on with the next stride, or end soon.

    A new one would pass all rows before again.
    """

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._mutex = threading.Lock()

    def take(self, job: Import, row: int) -> Reading:
        """A reading of the job's file that has given no row behind `row`. Raises MustWait."""
        with self._mutex:
            kept = self._kept.pop(job.id, None)
            if kept is None and len(self._kept) >= MOST_KEPT:
                raise MustWait
        if kept:
            kept.timer.cancel()
            if kept.reading.row <= row:
                return kept.reading
            kept.reading.close()
        choice = job.document["choice"]
        assert choice is not None
        return open_source(
            file_of(job),
            choice["source"],  # type: ignore[arg-type]
            msgspec.convert(choice["mapping"], Mapping) if choice["mapping"] else None,
            options=msgspec.convert(choice["options"], Options),
            skip=row,
        )

    def give_back(self, job: Import, reading: Reading) -> None:
        timer = threading.Timer(_IDLE_SECONDS, self._end, (job.id,))
        timer.daemon = True
        with self._mutex:
            self._kept[job.id] = _Kept(reading, timer)
        timer.start()

    def _end(self, job_id: str) -> None:
        with self._mutex:
            kept = self._kept.pop(job_id, None)
        if kept:
            kept.timer.cancel()
            with suppress(OSError):
                kept.reading.close()

    def close(self) -> None:
        for job_id in list(self._kept):
            self._end(job_id)


READINGS: Final = Readings()
forgets(READINGS.close)
