"""The folder of the segments, and the marker that says whose it is.

Only what bears this deployment's marker is read, written or deleted: a folder that is not mounted
looks empty, a copied one is another's.
"""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from django.conf import settings
from pymongo.errors import DuplicateKeyError

from analytics.databases import mongo
from analytics.databases.column_documents import ColumnStoreDocument
from analytics.databases.documents import typed
from analytics.remembered import Remembered
from columns.files.bucket import BucketFolder
from columns.files.cache import CacheFull
from columns.files.local import LocalFolder
from columns.files.place import (
    MARKER,
    SEGMENT_ID_BYTES,
    ColumnsUnavailable,
    DamagedFile,
    Folder,
    digest_of,
    sync,
)
from columns.files.sweep import sweep_once

__all__ = [
    "MARKER", "SEGMENT_ID_BYTES", "CacheFull", "ColumnsUnavailable", "DamagedFile", "Folder",
    "check_folder", "digest_of", "engine_folder", "find_folder", "make_folder", "renew_folder",
    "sync",
]  # fmt: skip

CHECKED_SECONDS: Final = 10.0

_FORMAT = 1
_FOLDER = "folder"  # the `_id` of the one document


_known: Remembered[str, Folder] = Remembered(CHECKED_SECONDS)


def _place() -> Folder:
    """The folder that COLUMNS_URL names, of which nothing was looked at."""
    url = settings.COLUMNS_URL
    return LocalFolder(url) if isinstance(url, Path) else BucketFolder(url)


def engine_folder() -> Path:
    """Where an engine finds the files of the folder, which may not be there yet."""
    return _place().engine_folder


def find_folder() -> Folder:
    """The folder of this deployment, checked within the last seconds.

    Raises ColumnsUnavailable, also where no segment was ever written.
    """
    return _known.get(str(settings.COLUMNS_URL), check_folder)


def make_folder() -> Folder:
    """As `find_folder`; at the very first time it makes the folder. For who writes."""
    found = _known.find(str(settings.COLUMNS_URL))
    if found is None and _read_ours() is None:
        _begin(_place())
    return found or find_folder()


def check_folder() -> Folder:
    """As `find_folder`, checked at this moment."""
    place = _place()
    ours, found = _read_ours(), _read_marker(place)
    if found is None:
        raise ColumnsUnavailable(f"{place.name} has no {MARKER}: it is not there, or not mounted")
    if ours is None:
        raise ColumnsUnavailable(f"{place.name} has a {MARKER}, but MongoDB knows of no folder")
    if ours != found:
        raise ColumnsUnavailable(f"{place.name} is of deployment {found}, and this one is {ours}")
    sweep_once()
    return place


def renew_folder() -> Folder:
    """Begin again in an empty folder, as after a restore without it: then all segments are missing.

    Raises ColumnsUnavailable where it is not empty, or never was one.
    """
    place, ours = _place(), _read_ours()
    if ours is None:
        raise ColumnsUnavailable("MongoDB knows of no folder: the first segment makes one")
    place.prepare()
    if other := place.find_other():
        raise ColumnsUnavailable(f"{place.name} is not empty, it holds {other}")
    if _read_marker(place) is None:
        _write_marker(place, ours)
    return check_folder()


def _read_ours() -> str | None:
    document = typed(ColumnStoreDocument, mongo.COLUMN_STORE).find_one({"_id": _FOLDER})
    return document["deployment"] if document else None


def _read_marker(place: Folder) -> str | None:
    """Which deployment the folder is of; None where it has no marker. Raises ColumnsUnavailable."""
    text = place.read_marker()
    if text is None:
        return None
    try:
        marker = json.loads(text)
        deployment, version = marker["deployment"], marker["format"]
    except (ValueError, TypeError, KeyError) as exc:
        raise ColumnsUnavailable(f"{MARKER} of {place.name} cannot be read: {exc!r}") from exc
    if version != _FORMAT:
        raise ColumnsUnavailable(f"{place.name} is of format {version}, of a later release")
    return str(deployment)


def _begin(place: Folder) -> None:
    """Make folder, marker and document, as far as they are not there.

    Who dies in between leaves a marker and nothing else; so that, and only that, is adopted.
    """
    place.prepare()
    other = place.find_other()
    if other and _read_ours() is None:  # nor did somebody else begin at this moment
        raise ColumnsUnavailable(f"{place.name} is not known to MongoDB and holds {other}")
    deployment = _read_marker(place) or _write_marker(place, str(uuid4()))
    with suppress(DuplicateKeyError):  # somebody else was faster; `check_folder` compares
        typed(ColumnStoreDocument, mongo.COLUMN_STORE).insert_one(
            {"_id": _FOLDER, "deployment": deployment, "madeAt": datetime.now(UTC)}
        )


def _write_marker(place: Folder, deployment: str) -> str:
    """What the marker says then, of whoever was first."""
    text = json.dumps({"deployment": deployment, "format": _FORMAT}) + "\n"
    place.write_marker(text.encode())
    return _read_marker(place) or deployment
