"""Files of a bucket on the disk of a host, for all of its processes: no more than they may take.

A file is here under its own name once it is whole and has the sum that MongoDB lists; until then it
is a `.part`, held by a lock of who fills it. So a process that is killed leaves nothing half, and
the next one goes on where it ended.
"""

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

from columns.files.locks import is_at, try_lock, unlink_unlocked
from columns.files.place import ColumnsUnavailable, DamagedFile, ListedFile, name_of
from columns.files.scratch import check_owner

CHUNK_BYTES: Final = 4 * 1024 * 1024
"""Of one read of the store, which has seconds to answer."""

_FILE: Final = re.compile(r"[0-9a-f]{32}\.parquet")
_PART: Final = re.compile(r"[0-9a-f]{32}\.([0-9]+)\.part")
_FOLDER: Final = re.compile(r"[0-9a-f]{16}")
_LOCK: Final = ".lock"
_POLL_SECONDS: Final = 0.02
_LEFT_SECONDS: Final = 600.0  # after them a part that nobody fills is no beginning any more

ReadRange = Callable[[int, int], bytes]
"""(start, length): so many bytes of the object, or fewer where it ends."""


class CacheFull(ColumnsUnavailable):
    """What is being read takes all the room there is: `most_bytes`."""

    def __init__(self, wanted_bytes: int, most_bytes: int) -> None:
        super().__init__(
            f"{wanted_bytes:,} bytes of the columns are wanted on this host at once, and "
            f"COLUMNS_CACHE_MB allows {most_bytes:,}"
        )
        self.most_bytes = most_bytes


@dataclass(frozen=True, slots=True)
class Cached:
    """A file, or a part that is being filled, which counts as long as the file will be."""

    path: Path
    size: int
    used_at: float  # unix seconds: when it was given out, or a part grew


@dataclass(frozen=True, slots=True)
class Cache:
    """`most_bytes` are never exceeded. What was given out less than `read_seconds` ago stays."""

    root: Path
    most_bytes: int
    read_seconds: float

    def path_of(self, segment_id: bytes) -> Path:
        return self.root / f"{name_of(segment_id)}.parquet"

    def find(self, segment_id: bytes) -> Path | None:
        """The file, which stays for `read_seconds` from now on; it may have gone bad since.

        Who drops it at this moment has it locked, so that it is here or not.
        """
        path = self.path_of(segment_id)
        with suppress(FileNotFoundError), self.hold(path) as is_there:
            if is_there:
                os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
                return path
        return None

    @contextmanager
    def hold(self, path: Path) -> Iterator[bool]:
        """Keep a file, however long it takes; whether it is still the one of that name."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            yield False
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield is_at(descriptor, path)
        finally:
            os.close(descriptor)

    def fill(self, file: ListedFile, deadline: float, read: ReadRange) -> Path:
        """Have a file here, from the store. Others that want it meanwhile wait for this one.

        Raises what `read` raises, DamagedFile where the object has another sum, CacheFull, OSError,
        and ColumnsUnavailable at the deadline (time.monotonic()).
        """
        path = self.path_of(file.id)
        self._make_root()
        part = path.with_suffix(f".{file.file_bytes}.part")
        with self._lock_part(part, deadline) as to:
            if found := self.find(file.id):
                return found  # somebody else was faster
            begun = to.seek(0, os.SEEK_END) > 0
            self._make_room(part)
            if not self._copy(to, file, deadline, read):
                to.truncate(0)
                if not begun or not self._copy(to, file, deadline, read):
                    to.truncate(0)
                    raise DamagedFile("the object is not the one that was listed")
            part.rename(path)
            return path

    def _copy(self, to: IO[bytes], file: ListedFile, deadline: float, read: ReadRange) -> bool:
        """Go on where the part ends; whether all of it has the sum."""
        to.seek(0)
        digest, at = sha256(), 0
        while at < file.file_bytes and (data := to.read(CHUNK_BYTES)):
            digest.update(data)
            at += len(data)
        while at < file.file_bytes:
            if time.monotonic() > deadline:
                raise ColumnsUnavailable("a file of the columns is still on its way")
            data = read(at, min(CHUNK_BYTES, file.file_bytes - at))
            if not data:
                return False
            to.write(data)
            to.flush()
            digest.update(data)
            at += len(data)
        return digest.digest() == file.sum

    def drop(self, segment_id: bytes) -> None:
        with suppress(FileNotFoundError):
            self.path_of(segment_id).unlink()

    def list_cached(self) -> Iterator[Cached]:
        """Files and parts; what else lies there is none of ours."""
        for folder in _scan(self.root):
            if not _FOLDER.fullmatch(folder.name):
                continue
            for found in _scan(folder):
                part = _PART.fullmatch(found.name)
                if not part and not _FILE.fullmatch(found.name):
                    continue
                with suppress(FileNotFoundError):
                    told = found.stat()
                    size = int(part[1]) if part else told.st_size
                    yield Cached(Path(found.path), size, told.st_ctime)

    def sweep(self, is_listed: Callable[[set[bytes]], set[bytes]]) -> None:
        """Drop what is not listed, but what a question of a moment ago reads.

        `is_listed` says which of some segments are.
        """
        found = [(_id_of(cached.path), cached) for cached in self.list_cached()]
        listed = is_listed({segment_id for segment_id, _ in found}) if found else set()
        for segment_id, cached in found:
            if cached.path.suffix == ".part":
                if segment_id not in listed or time.time() - cached.used_at > _LEFT_SECONDS:
                    unlink_unlocked(cached.path)
            elif segment_id not in listed:
                self._drop_unlisted(cached.path)
        for folder in _scan(self.root):
            if _FOLDER.fullmatch(folder.name):
                with suppress(OSError):  # it holds something
                    os.rmdir(folder.path)

    def _is_read(self, used_at: float) -> bool:
        return time.time() - used_at < self.read_seconds

    def _drop_unlisted(self, path: Path) -> None:
        """Also what a worker holds, which begins anew: what is erased has to go."""
        with suppress(FileNotFoundError):
            if not self._is_read(path.stat().st_ctime):
                path.unlink()

    def _evict(self, path: Path) -> bool:
        """Unless it is held, filled or read: it may have been given out since it was listed."""
        return unlink_unlocked(path, lambda found: not self._is_read(found.st_ctime))

    def _make_room(self, part: Path) -> None:
        """Have room for a part that is there already, and so counts for others from now on."""
        with self._lock_all():
            found = list(self.list_cached())
            total = sum(cached.size for cached in found)
            for cached in sorted(found, key=lambda cached: cached.used_at):
                if total <= self.most_bytes:
                    break
                if cached.path != part and self._evict(cached.path):
                    total -= cached.size
            if total > self.most_bytes:
                part.unlink(missing_ok=True)
                raise CacheFull(total, self.most_bytes)

    @contextmanager
    def _lock_part(self, part: Path, deadline: float) -> Iterator[IO[bytes]]:
        while True:
            part.parent.mkdir(mode=0o700, exist_ok=True)  # it goes when it is swept empty
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "r+b") as file:
                if try_lock(descriptor, fcntl.LOCK_EX) and is_at(descriptor, part):
                    yield file
                    return
            if time.monotonic() > deadline:
                raise ColumnsUnavailable("another process still brings a file of the columns")
            time.sleep(_POLL_SECONDS)

    @contextmanager
    def _lock_all(self) -> Iterator[None]:
        """For who makes room: two would make it for each other."""
        descriptor = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _make_root(self) -> None:
        """Where others may not look."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_owner(self.root)


def _scan(folder: "Path | os.DirEntry[str]") -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _id_of(path: Path) -> bytes:
    return bytes.fromhex(path.parent.name + path.name.partition(".")[0])
