"""The reading of this process that goes on with the next stride of an import."""

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

_IDLE_SECONDS: Final = 60.0


@dataclass
class _Kept:
    job_id: str
    reading: Reading
    timer: threading.Timer


class Readings:
    """The reading of this process that goes on with the next stride, or ends soon.

    A new one would read all rows before again.
    """

    def __init__(self) -> None:
        self._kept: _Kept | None = None
        self._mutex = threading.Lock()

    def take(self, job: Import, row: int) -> Reading:
        """A reading of the job's file that has given no row behind `row`."""
        with self._mutex:
            kept, self._kept = self._kept, None
        if kept:
            kept.timer.cancel()
            if kept.job_id == job.id and kept.reading.row <= row:
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
        timer = threading.Timer(_IDLE_SECONDS, self.close)
        timer.daemon = True
        with self._mutex:
            before, self._kept = self._kept, _Kept(job.id, reading, timer)
        if before:
            before.timer.cancel()
            before.reading.close()
        timer.start()

    def close(self) -> None:
        with self._mutex:
            kept, self._kept = self._kept, None
        if kept:
            kept.timer.cancel()
            with suppress(OSError):
                kept.reading.close()


READINGS: Final = Readings()
forgets(READINGS.close)
