"""What a folder of the columns is, wherever it lies: on a disk that hosts share, or in a bucket.

`<project>/<segment>.parquet`, both in hex, beside a marker that says whose it is.
"""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from hashlib import file_digest
from pathlib import Path
from typing import Final, Protocol

from analytics.events.ids import PROJECT_ID_BYTES

SEGMENT_ID_BYTES: Final = PROJECT_ID_BYTES + 16
MARKER: Final = "columns.json"
HARMLESS: Final = re.compile(rf"{re.escape(MARKER)}.*|columns\.probe|lost\+found")
"""Names that may stand in a folder which nobody has begun."""


class ColumnsUnavailable(Exception):
    """The folder cannot be used, or is not ours: nothing in it is read, written or made anew."""


class DamagedFile(Exception):
    """The folder can be reached, and a file is not in it or is not what was listed."""


class ListedFile(Protocol):
    """A file as the list of segments has it."""

    @property
    def id(self) -> bytes: ...

    @property
    def file_bytes(self) -> int: ...

    @property
    def sum(self) -> bytes: ...


class Folder(ABC):
    """A folder whose marker was found to be ours."""

    @property
    @abstractmethod
    def name(self) -> str:
        """As people are told of it."""

    @property
    @abstractmethod
    def engine_folder(self) -> Path:
        """Where an engine finds the files that `bring` and `hold` give."""

    @abstractmethod
    def url_of(self, segment_id: bytes) -> str:
        """Where others find the file of a segment: `file://` or the URL of an object."""

    @abstractmethod
    def work(self, segment_id: bytes) -> AbstractContextManager[Path]:
        """An empty folder for what is needed while a segment is written, and nothing of it
        afterwards. Raises ColumnsUnavailable."""

    @abstractmethod
    def keep(self, segment_id: bytes, made: Path, digest: bytes) -> None:
        """Have a whole file, made within `work`, be the segment's from now on: synced, and not to
        be lost. `digest` is its SHA-256. Raises ColumnsUnavailable."""

    @abstractmethod
    def find(self, segment_id: bytes) -> Path | None:
        """What `bring` would give, if it is on this host; it may have gone bad since.

        Raises ColumnsUnavailable.
        """

    @abstractmethod
    def bring(self, file: ListedFile, deadline: float | None = None, *, anew: bool = False) -> Path:
        """A file of this host that has what the segment's has, for as long as a question may take.

        Until `deadline` (time.monotonic()). It may have gone bad since it was brought: `anew`
        brings it once more, where that is another file. Raises DamagedFile and ColumnsUnavailable.
        """

    @abstractmethod
    def hold(
        self, file: ListedFile, *, anew: bool = False, is_sound: bool = False
    ) -> AbstractContextManager[Path]:
        """A file as of `bring`, compared with its sum, which reads all of it; there until the end.

        With `anew` the one in the folder itself is compared, and no copy. What `is_sound` was
        compared before. Raises as `bring`.
        """

    @abstractmethod
    def delete(self, segment_ids: Sequence[bytes]) -> None:
        """Delete all that there is of segments, and know that it is gone.

        Raises ColumnsUnavailable.
        """

    @abstractmethod
    def delete_project(self, project_id: bytes) -> None:
        """Delete all that there is of a project. Raises ColumnsUnavailable."""

    @abstractmethod
    def read_marker(self) -> bytes | None:
        """None: there is none. Raises ColumnsUnavailable."""

    @abstractmethod
    def write_marker(self, text: bytes) -> None:
        """Write it whole or not at all, and not where there is one. Raises ColumnsUnavailable."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the place, where that is for us to do. Raises ColumnsUnavailable."""

    @abstractmethod
    def find_other(self) -> str | None:
        """The name of something that is not HARMLESS, if there is any.

        Raises ColumnsUnavailable.
        """


def project_of(segment_id: bytes) -> str:
    return segment_id[:PROJECT_ID_BYTES].hex()


def name_of(segment_id: bytes) -> str:
    """The name of a segment within the folder, without its ending."""
    if len(segment_id) != SEGMENT_ID_BYTES:
        raise ValueError(f"a segment id has {SEGMENT_ID_BYTES} bytes, not {len(segment_id)}")
    return f"{project_of(segment_id)}/{segment_id[PROJECT_ID_BYTES:].hex()}"


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(path: Path) -> bytes:
    """The SHA-256 of a file. Raises DamagedFile where it is gone, and ColumnsUnavailable."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").digest()
    except FileNotFoundError:
        raise DamagedFile("there is no file") from None
    except OSError as exc:
        raise ColumnsUnavailable(repr(exc)) from exc
