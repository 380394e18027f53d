"""The folder in which an export is made, and the file in it that grows stride by stride."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict
from columns.files.folder import sync
from exchange.outgoing.job import Export
from upkeep.exports.folder import make_work
from upkeep.jobs.job import MustWait

_DATA: Final = "data"
_LOCK: Final = "lock"
_GROUPS: Final = "groups"


class WorkLost(Exception):
    """What was written is not there: the folder is another one, or was emptied."""


@dataclass(frozen=True, slots=True)
class Work:
    """The folder, which this process alone writes into."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / _DATA

    def path(self, name: str) -> Path:
        """A file that one stride needs."""
        return self.folder / name

    def append(self, at: int, begin: bytes, write: Callable[[IO[bytes]], object]) -> int:
        """Write into the file from byte `at` on, whatever stood there; where it ends then.

        At its begin `begin` comes first. It is on the disk afterwards. Raises OSError, and WorkLost
        where less was written before.
        """
        fd = os.open(self.data, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(fd, "r+b") as file:
            if os.fstat(fd).st_size < at:
                raise WorkLost(f"{self.data} has less than {at} bytes")
            file.truncate(at)
            file.seek(at)
            if at == 0:
                file.write(begin)
            write(file)
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    def append_file(self, at: int, begin: bytes, part: Path) -> int:
        """As `append`, all of another file."""

        def copy(to: IO[bytes]) -> None:
            with part.open("rb") as file:
                shutil.copyfileobj(file, to, 1 << 20)

        return self.append(at, begin, copy)

    def keep_groups(self, number: int, told: list[bytes]) -> None:
        """Keep what a footer tells of the row groups that a stride wrote, on the disk."""
        lengths = b"".join(len(each).to_bytes(4, "little") for each in told)
        made = self.path("groups.new")
        with made.open("wb") as file:
            file.write(len(told).to_bytes(4, "little") + lengths + b"".join(told))
            file.flush()
            os.fsync(file.fileno())
        made.rename(self._groups_of(number))
        sync(self.folder)

    def read_groups(self, strides: int) -> Iterator[bytes]:
        for number in range(strides):
            kept = self._groups_of(number).read_bytes()
            count = int.from_bytes(kept[:4], "little")
            at = 4 + 4 * count
            for index in range(count):
                size = int.from_bytes(kept[4 + 4 * index : 8 + 4 * index], "little")
                yield kept[at : at + size]
                at += size

    def _groups_of(self, number: int) -> Path:
        return self.path(f"{_GROUPS}-{number:06d}")


@contextmanager
def hold_work(job: Export) -> Iterator[Work]:
    """The folder of a job, for one process at a time.

    Raises MustWait where another has it, Conflict where the job is not as it was read: what one
    wrote that was frozen meanwhile would destroy what the others did. Raises OSError.
    """
    folder = make_work(job.project_id, job.id, job.attempt)
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise MustWait from exc
        same = {"_id": job.id, "revision": job.revision, "open": True}
        if collection(mongo.EXPORTS).find_one(same, {"_id": 1}) is None:
            raise Conflict("another process was faster")
        yield Work(folder)
    finally:
        os.close(lock)
