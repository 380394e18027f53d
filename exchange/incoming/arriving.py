"""A file that arrives in pieces, one after the other, and is whole after the last one."""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Final
from uuid import uuid4

from django.conf import settings
from pymongo import ReturnDocument

from analytics.databases import mongo
from analytics.databases.documents import typed
from analytics.databases.import_documents import Choice, ImportDocument, LookBy
from analytics.databases.mongo import Document
from columns.files.folder import sync
from exchange.incoming.job import (
    FILE,
    MIB,
    FileTooLarge,
    Import,
    Received,
    TooManyImports,
    begin,
    find_import,
    make_job,
)
from upkeep.imports.ending import ARRIVAL_SECONDS, end_for_good
from upkeep.imports.folder import check_room, delete_folder, folder_of, make_folder
from upkeep.jobs.job import signal_jobs

PIECE_BYTES: Final = MIB
"""What the page sends at once."""
SYNCED_BYTES: Final = 16 * MIB
BROKEN_OFF_SECONDS: Final = 600.0
"""After so long without a piece a file goes where its project wants to bring another."""


class AnotherPlace(ValueError):
    """The piece does not go on where the file ends: it has `size` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class HasEnded(Exception):
    """The import was cancelled, or has expired, or never was."""


def receive(project_id: bytes, chunks: Iterable[bytes]) -> Received:
    """Write a file down, for an import that is asked for next; all of it, or nothing.

    Raises FileTooLarge, ImportsFull and OSError.
    """
    import_id = str(uuid4())
    folder = make_folder(project_id, import_id)
    digest, size, checked = hashlib.sha256(), 0, 0
    try:
        with _open_own(folder / FILE) as file:
            for chunk in chunks:
                size += len(chunk)
                if size > settings.IMPORTS_MAX_FILE_MB * MIB:
                    raise FileTooLarge
                if size - checked > 16 * MIB or not checked:
                    check_room(project_id, len(chunk))
                    checked = size
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        sync(folder)
    except BaseException:
        delete_folder(folder)
        raise
    return Received(import_id, size, digest.hexdigest())


def discard(project_id: bytes, received: Received) -> None:
    """Delete a file that no import is asked for. Raises OSError."""
    delete_folder(folder_of(project_id, received.import_id))


def await_file(
    project_id: bytes,
    partition: int,
    requested_by: str,
    *,
    file: str,
    size_bytes: int,
    import_id: str = "",
    announced: str = "",
    choice: Choice | None = None,
    look_by: LookBy | None = None,
    confirmed: bool = False,
    dry_run: bool = False,
) -> ImportDocument:
    """An import whose file of `size_bytes` comes in pieces; the job.

    Whoever draws the id themselves may ask again, and gets the one that was begun. Raises
    FileTooLarge, ImportsFull, TooManyImports, OSError, PyMongoError and RedisError.
    """
    if size_bytes > settings.IMPORTS_MAX_FILE_MB * MIB:
        raise FileTooLarge
    if import_id and (begun := find_import(project_id, import_id)):
        return begun
    check_room(project_id, size_bytes)
    job = make_job(
        import_id or str(uuid4()), project_id, partition, requested_by,
        file=file, size_bytes=size_bytes, choice=choice, confirmed=confirmed, dry_run=dry_run,
    )  # fmt: skip
    now = datetime.now(UTC)
    job |= {"received": 0, "receivedAt": now, "keptUntil": now + timedelta(seconds=ARRIVAL_SECONDS)}
    if announced:
        job["announced"] = announced
    if look_by:
        job["lookBy"] = look_by
    folder = make_folder(project_id, job["_id"])
    try:
        try:
            return begin(job)
        except TooManyImports:
            if not _end_broken_off(project_id):
                raise
            return begin(job)
    except Exception:
        if begun := find_import(project_id, job["_id"]):  # the answer of the store was lost
            return begun
        delete_folder(folder)
        raise


def _end_broken_off(project_id: bytes) -> int:
    late = datetime.now(UTC) - timedelta(seconds=BROKEN_OFF_SECONDS)
    theirs: Document = {
        "project": project_id, "step": "arrive", "receivedAt": {"$lte": late},
        "keptUntil": {"$ne": None},
    }  # fmt: skip
    return end_for_good(theirs, "expired")


def add_piece(project_id: bytes, import_id: str, at: int, piece: bytes) -> ImportDocument:
    """Add a piece at byte `at`; the import, with what it has then. One may come twice.

    So may the last one, whose answer was lost, when the import has been read meanwhile. Raises
    AnotherPlace, FileTooLarge, HasEnded, ImportsFull, OSError and PyMongoError.
    """
    try:
        return _add_piece(project_id, import_id, at, piece)
    except HasEnded:
        found = find_import(project_id, import_id)
        if found and found.get("received") == found["bytes"] == at + len(piece):
            return found
        raise


def _add_piece(project_id: bytes, import_id: str, at: int, piece: bytes) -> ImportDocument:
    with _hold_file(project_id, import_id) as file:
        found = find_import(project_id, import_id)
        if found is None or not found.get("open"):
            raise HasEnded
        if at + len(piece) > found["bytes"]:
            raise FileTooLarge
        if not piece or "received" not in found or found["received"] == found["bytes"]:
            return found  # it is whole already, or stays as it is
        size = os.fstat(file.fileno()).st_size
        if size < at:
            raise AnotherPlace(size)
        check_room(project_id, len(piece))
        file.truncate(at)  # a piece whose answer was lost comes again
        file.seek(at)
        file.write(piece)
        file.flush()
        now, received = datetime.now(UTC), at + len(piece)
        kept_until: datetime | None = now + timedelta(seconds=ARRIVAL_SECONDS)
        if is_whole := received == found["bytes"]:
            os.fsync(file.fileno())
            sync(folder_of(project_id, import_id))
            kept_until = None  # from now on it waits for us
        elif received // SYNCED_BYTES > at // SYNCED_BYTES:
            os.fdatasync(file.fileno())  # so that the last piece has little left
        noted = typed(ImportDocument, mongo.IMPORTS).find_one_and_update(
            {"_id": import_id, "project": project_id, "open": True},
            {"$set": {"received": received, "receivedAt": now, "keptUntil": kept_until}},
            return_document=ReturnDocument.AFTER,
        )
    if noted is None:
        raise HasEnded
    if is_whole:
        signal_jobs(Import)
    return noted


@contextmanager
def _hold_file(project_id: bytes, import_id: str) -> Iterator[BinaryIO]:
    """The file, for one process at a time. Raises HasEnded, AnotherPlace and OSError."""
    path = folder_of(project_id, import_id) / FILE
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        raise HasEnded from None  # another project's, or swept
    with os.fdopen(fd, "r+b") as file:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # what was sent again is here twice
            raise AnotherPlace(os.fstat(fd).st_size) from None
        yield file


def _open_own(path: Any) -> Any:
    """A file that nobody but this user reads, empty."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
