"""A file that arrives in pieces, one after the other, and is whole after the last one."""

import os
from typing import Final
from uuid import uuid4

from django.conf import settings

from analytics.databases import mongo
from analytics.databases.mongo import collection
from exchange.incoming.job import FILE, FileTooLarge, Received, TooManyImports
from upkeep.imports.folder import (
    check_room,
    delete_folder,
    folder_of,
    is_idle,
    list_folders,
    make_folder,
)

PIECE_BYTES: Final = 1024 * 1024
BROKEN_OFF_SECONDS: Final = 600.0
"""After so long without a piece a file goes where its project wants to bring another."""

_MIB: Final = 1024 * 1024


class AnotherPlace(ValueError):
    """The piece does not go on where the file ends: it has `size` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def add_piece(project_id: bytes, import_id: str, at: int, piece: bytes) -> tuple[str, int]:
    """Add a piece at byte `at`; of the first one there is no id yet. The id, and the new size.

    Raises AnotherPlace, FileTooLarge, ImportsFull, TooManyImports and OSError.
    """
    if at + len(piece) > settings.IMPORTS_MAX_FILE_MB * _MIB:
        raise FileTooLarge
    check_room(project_id, len(piece))
    if not import_id:
        _check_arriving(project_id)
        import_id = str(uuid4())
        make_folder(project_id, import_id)
    elif collection(mongo.IMPORTS).find_one({"_id": import_id}, {"_id": 1}) is not None:
        raise AnotherPlace(0)  # it is whole already
    path = folder_of(project_id, import_id) / FILE
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        raise AnotherPlace(0) from None  # another project's, or swept
    with os.fdopen(fd, "r+b") as file:
        size = os.fstat(fd).st_size
        if size < at:
            raise AnotherPlace(size)
        file.truncate(at)  # a piece whose answer was lost comes again
        file.seek(at)
        file.write(piece)
    return import_id, at + len(piece)


def _check_arriving(project_id: bytes) -> None:
    """What is on its way counts as what is under way: else one project takes the room of all.

    Raises TooManyImports, OSError and PyMongoError.
    """
    folders = {folder.name: folder for folder in list_folders(project_id)}
    theirs = {"project": project_id, "_id": {"$in": [*folders]}}
    open_ = 0
    for each in collection(mongo.IMPORTS).find(theirs, {"open": 1}):
        folders.pop(each["_id"])
        open_ += bool(each.get("open"))
    for name, folder in list(folders.items()):
        if is_idle(folder, BROKEN_OFF_SECONDS):
            delete_folder(folder)
            del folders[name]
    if open_ + len(folders) >= settings.IMPORTS_MAX_OPEN:
        raise TooManyImports


def finish_file(project_id: bytes, import_id: str) -> Received:
    """What arrived, on the disk. Raises OSError."""
    path = folder_of(project_id, import_id) / FILE
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return Received(import_id, os.fstat(file.fileno()).st_size, "")
