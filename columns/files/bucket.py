"""A folder of the columns in a bucket, read through a cache on the disk of each host."""

import mmap
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.conf import settings

from columns.files.cache import Cache
from columns.files.objects import PATIENCE_SECONDS, Objects
from columns.files.place import (
    HARMLESS,
    MARKER,
    ColumnsUnavailable,
    DamagedFile,
    Folder,
    ListedFile,
    digest_of,
    name_of,
    project_of,
)
from columns.files.scratch import make_scratch

PROBE: Final = "columns.probe"
"""An object of no meaning, whose writing tells whether the bucket keeps old versions."""

_MIB: Final = 1024 * 1024
_BRING_SECONDS: Final = 300.0  # a file, where no question waits for it
_LATE_SECONDS: Final = 2.0  # so long a store may deny what it has just taken
_LATE_PAUSE: Final = 0.2


class BucketFolder(Folder):
    """By its URL: `s3://bucket/prefix`, and the like of other stores."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._objects = Objects(self._url)
        self._cache = open_cache()

    @property
    def name(self) -> str:
        return self._url

    @property
    def engine_folder(self) -> Path:
        return self._cache.root

    def url_of(self, segment_id: bytes) -> str:
        return f"{self._url}/{_object_of(segment_id)}"

    @contextmanager
    def work(self, segment_id: bytes) -> Iterator[Path]:
        """On this host's own disk, in what goes with the process."""
        try:
            path = Path(tempfile.mkdtemp(prefix="segment-", dir=make_scratch()))
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc
        try:
            yield path
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def keep(self, segment_id: bytes, made: Path, digest: bytes) -> None:
        """In one request, so there are no parts that would be left: a store has all of it, or
        nothing. It is there when this returns, also where a store is late to say so."""
        name = _object_of(segment_id)
        with made.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            size = len(data)
            with memoryview(data) as view:
                version = self._objects.write(name, view)
        self._refuse(version)
        if self._find_late(name) != size:
            raise ColumnsUnavailable(f"{self._url}: {name} was written, and is another one")

    def find(self, segment_id: bytes) -> Path | None:
        try:
            return self._cache.find(segment_id)
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc

    def bring(self, file: ListedFile, deadline: float | None = None, *, anew: bool = False) -> Path:
        if anew:
            self._cache.drop(file.id)
        elif found := self.find(file.id):
            return found
        deadline = deadline or time.monotonic() + _BRING_SECONDS
        until = min(deadline, time.monotonic() + _LATE_SECONDS)
        while True:
            try:
                return self._fill(file, deadline)
            except FileNotFoundError:
                if time.monotonic() > until:
                    raise DamagedFile("there is no object") from None
            time.sleep(_LATE_PAUSE)

    def _fill(self, file: ListedFile, deadline: float) -> Path:
        """Raises FileNotFoundError, DamagedFile and ColumnsUnavailable."""
        name = _object_of(file.id)

        def read(start: int, length: int) -> bytes:
            until = min(deadline, time.monotonic() + PATIENCE_SECONDS)
            try:
                return self._objects.read_range(name, start, length, until)
            except ColumnsUnavailable:
                if self._objects.find_size(name, until) != file.file_bytes:
                    return b""  # it was cut short
                raise

        try:
            return self._cache.fill(file, deadline, read)
        except FileNotFoundError:
            raise
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc

    @contextmanager
    def hold(
        self, file: ListedFile, *, anew: bool = False, is_sound: bool = False
    ) -> Iterator[Path]:
        while True:
            path = self.bring(file, anew=anew)
            with self._cache.hold(path) as is_there:
                if not is_there:
                    continue
                if is_sound or digest_of(path) == file.sum:
                    yield path
                    return
            if anew:
                raise DamagedFile("the file is not the one that was listed")
            anew = True  # the disk of this host may be at fault

    def delete(self, segment_ids: Sequence[bytes]) -> None:
        if segment_ids:
            self._refuse_versions()
        for segment_id in segment_ids:
            self._objects.delete(_object_of(segment_id))
            self._cache.drop(segment_id)

    def delete_project(self, project_id: bytes) -> None:
        """Those that are named by a garbage entry were deleted before, by their names."""
        self._refuse_versions()
        while names := list(self._objects.list_names(project_of(project_id))):
            for name in names:
                self._objects.delete(name)

    def _refuse_versions(self) -> None:
        self._refuse(self._objects.write(PROBE, b"", again=True))

    def _refuse(self, version: str | None) -> None:
        """What is deleted there, stays there. Raises ColumnsUnavailable."""
        if version is not None and not self._objects.keeps_versions_by_itself:
            raise ColumnsUnavailable(
                f"{self._url} keeps old versions, so nothing that is erased would go from it: "
                "suspend the versioning of the bucket"
            )

    def _find_late(self, name: str) -> int:
        """The size of an object that was just written. Raises ColumnsUnavailable."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._objects.find_size(name)
            except FileNotFoundError:
                if time.monotonic() > until:
                    raise ColumnsUnavailable(
                        f"{self._url}: {name} was written, and is not there"
                    ) from None
            time.sleep(_LATE_PAUSE)

    def read_marker(self) -> bytes | None:
        try:
            return self._objects.read(MARKER)
        except FileNotFoundError:
            return None

    def write_marker(self, text: bytes) -> None:
        self._refuse(self._objects.write(MARKER, text))

    def prepare(self) -> None:
        """A bucket is made by who pays for it."""
        self._refuse_versions()

    def find_other(self) -> str | None:
        return next((name for name in self._objects.list_names() if not _is_harmless(name)), None)


def open_cache() -> Cache:
    """The cache of this host, by the settings."""
    return Cache(
        settings.COLUMNS_CACHE_DIR,
        settings.COLUMNS_CACHE_MB * _MIB,
        read_seconds=settings.QUERY_TIMEOUT_SECONDS + 5,
    )


def _object_of(segment_id: bytes) -> str:
    return f"{name_of(segment_id)}.parquet"


def _is_harmless(name: str) -> bool:
    return HARMLESS.fullmatch(name) is not None
