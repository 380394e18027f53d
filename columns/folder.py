"""The folder of the segments, and the marker that says whose it is.

`<COLUMNS_URL>/<project>/<segment>.parquet`, both in hex. Only what bears this deployment's marker
is read, written or deleted: a folder that is not mounted looks empty, a copied one is another's.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from django.conf import settings
from pymongo.errors import DuplicateKeyError

from analytics.databases import mongo
from analytics.databases.column_documents import ColumnStoreDocument
from analytics.databases.documents import typed
from analytics.events.ids import PROJECT_ID_BYTES
from analytics.remembered import Remembered

SEGMENT_ID_BYTES: Final = PROJECT_ID_BYTES + 16
MARKER: Final = "columns.json"
CHECKED_SECONDS: Final = 10.0

_FORMAT = 1
_FOLDER = "folder"  # the `_id` of the one document
_HARMLESS = re.compile(rf"{re.escape(MARKER)}.*|lost\+found")


class ColumnsUnavailable(Exception):
    """The folder cannot be used, or is not ours: nothing in it is read, written or made anew."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder whose marker was found to be ours."""

    root: Path

    def path_of(self, segment_id: bytes) -> Path:
        """The file of a segment, by its project and its own 16 bytes."""
        return self._project_of(segment_id) / f"{_name(segment_id)}.parquet"

    def work_of(self, segment_id: bytes) -> Path:
        """The folder of what is needed while the segment is written."""
        return self._project_of(segment_id) / f"{_name(segment_id)}.work"

    @contextmanager
    def work(self, segment_id: bytes) -> Iterator[Path]:
        """An empty `work_of`, and nothing of it afterwards. Raises ColumnsUnavailable."""
        path = self.work_of(segment_id)
        try:
            if not (self.root / MARKER).exists():  # nothing is left in the place of a mount
                raise ColumnsUnavailable(f"{self.root} has no {MARKER} any more")
            path.parent.mkdir(exist_ok=True)
            path.mkdir()
            sync(self.root)
            yield path
            shutil.rmtree(path)
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def delete(self, segment_id: bytes) -> None:
        """Delete all that there is of a segment, on the disk too. Raises ColumnsUnavailable."""
        try:
            self.path_of(segment_id).unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                shutil.rmtree(self.work_of(segment_id))
            with suppress(FileNotFoundError):
                sync(self._project_of(segment_id))
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc

    def delete_project(self, project_id: bytes) -> None:
        """Delete all that there is of a project. Raises ColumnsUnavailable."""
        try:
            with suppress(FileNotFoundError):
                shutil.rmtree(self._project_of(project_id))
            sync(self.root)
        except OSError as exc:
            raise ColumnsUnavailable(repr(exc)) from exc

    def _project_of(self, segment_id: bytes) -> Path:
        return self.root / segment_id[:PROJECT_ID_BYTES].hex()


def _name(segment_id: bytes) -> str:
    if len(segment_id) != SEGMENT_ID_BYTES:
        raise ValueError(f"a segment id has {SEGMENT_ID_BYTES} bytes, not {len(segment_id)}")
    return segment_id[PROJECT_ID_BYTES:].hex()


_known: Remembered[Path, Folder] = Remembered(CHECKED_SECONDS)


def find_folder() -> Folder:
    """The folder of this deployment, checked within the last seconds.

    Raises ColumnsUnavailable, also where no segment was ever written.
    """
    return _known.get(settings.COLUMNS_URL, check_folder)


def make_folder() -> Folder:
    """As `find_folder`; at the very first time it makes the folder. For who writes."""
    found = _known.find(settings.COLUMNS_URL)
    if found is None and _read_ours() is None:
        _begin(settings.COLUMNS_URL)
    return found or find_folder()


def check_folder() -> Folder:
    """As `find_folder`, checked at this moment."""
    root = settings.COLUMNS_URL
    ours, found = _read_ours(), _read_marker(root)
    if found is None:
        raise ColumnsUnavailable(f"{root} has no {MARKER}: it is not there, or not mounted")
    if ours is None:
        raise ColumnsUnavailable(f"{root} has a {MARKER}, but MongoDB knows of no folder")
    if ours != found:
        raise ColumnsUnavailable(f"{root} is of deployment {found}, and this one is {ours}")
    return Folder(root)


def renew_folder() -> Folder:
    """Begin again in an empty folder, as after a restore without it: then all segments are missing.

    Raises ColumnsUnavailable where it is not empty, or never was one.
    """
    root, ours = settings.COLUMNS_URL, _read_ours()
    if ours is None:
        raise ColumnsUnavailable("MongoDB knows of no folder: the first segment makes one")
    try:
        root.mkdir(parents=True, exist_ok=True)
        others = [path.name for path in root.iterdir() if not _HARMLESS.fullmatch(path.name)]
        if others:
            raise ColumnsUnavailable(f"{root} is not empty, it holds {min(others)}")
        if _read_marker(root) is None:
            _write_marker(root, ours)
    except OSError as exc:
        raise ColumnsUnavailable(repr(exc)) from exc
    return check_folder()


def _read_ours() -> str | None:
    document = typed(ColumnStoreDocument, mongo.COLUMN_STORE).find_one({"_id": _FOLDER})
    return document["deployment"] if document else None


def _read_marker(root: Path) -> str | None:
    """Which deployment the folder is of; None where it has no marker. Raises ColumnsUnavailable."""
    try:
        marker = json.loads((root / MARKER).read_bytes())
        deployment, version = marker["deployment"], marker["format"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise ColumnsUnavailable(f"{root / MARKER} cannot be read: {exc!r}") from exc
    if version != _FORMAT:
        raise ColumnsUnavailable(f"{root} is of format {version}, of a later release")
    return str(deployment)


def _begin(root: Path) -> None:
    """Make folder, marker and document, as far as they are not there.

    Who dies in between leaves a marker and nothing else; so that, and only that, is adopted.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        others = [path.name for path in root.iterdir() if not _HARMLESS.fullmatch(path.name)]
        if others and _read_ours() is None:  # nor did somebody else begin at this moment
            raise ColumnsUnavailable(f"{root} is not known to MongoDB and holds {min(others)}")
        deployment = _read_marker(root) or _write_marker(root, str(uuid4()))
    except OSError as exc:
        raise ColumnsUnavailable(repr(exc)) from exc
    with suppress(DuplicateKeyError):  # somebody else was faster; `check_folder` compares
        typed(ColumnStoreDocument, mongo.COLUMN_STORE).insert_one(
            {"_id": _FOLDER, "deployment": deployment, "madeAt": datetime.now(UTC)}
        )


def _write_marker(root: Path, deployment: str) -> str:
    """Write the marker whole, or not at all; what it says then, of whoever was first."""
    written = root / f"{MARKER}.{deployment}"
    try:
        written.write_text(json.dumps({"deployment": deployment, "format": _FORMAT}) + "\n")
        sync(written)
        with suppress(FileExistsError):
            os.link(written, root / MARKER)
    finally:
        written.unlink(missing_ok=True)
    sync(root)
    return _read_marker(root) or deployment


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
