"""The folder of imports: `<IMPORTS_DIR>/<project>/<import>/`, with a file and what is made of it.

Nobody but this user reads any of it. All of it goes when the import ends.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings

from columns.files.folder import sync
from upkeep.job_folders import count_bytes, stat_files

_MIB: Final = 1024 * 1024


class ImportsFull(Exception):
    """The imports of a project would take more than its share of IMPORTS_MAX_MB."""


def folder_of(project_id: bytes, import_id: str) -> Path:
    return _project_of(project_id) / import_id


def make_folder(project_id: bytes, import_id: str) -> Path:
    """The folder of a new import. Raises OSError."""
    folder = folder_of(project_id, import_id)
    root: Path = settings.IMPORTS_DIR
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync(folder.parent)
    sync(root)
    return folder


def check_room(project_id: bytes, more_bytes: int) -> None:
    """Whether a project may write so much more. Raises ImportsFull and OSError.

    It has half of what the others leave, as its exports have (`upkeep/exports/folder.py`).
    """
    own = count_bytes(_project_of(project_id))
    others = count_bytes(settings.IMPORTS_DIR) - own
    if own + more_bytes > (settings.IMPORTS_MAX_MB * _MIB - others) / 2:
        raise ImportsFull(f"more than its share of {settings.IMPORTS_MAX_MB} MB")


def delete_folder(folder: Path) -> None:
    """Delete what an import had, on the disk too. Raises OSError."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
    if folder.parent.is_dir():
        sync(folder.parent)


def delete_project(project_id: bytes) -> None:
    """Delete the files of all imports of a project. Raises OSError."""
    delete_folder(_project_of(project_id))


def list_projects() -> list[bytes]:
    """The projects that have a folder. Raises OSError."""
    found = []
    for path in _list(settings.IMPORTS_DIR):
        with suppress(ValueError):
            if len(project_id := bytes.fromhex(path.name)) == 8:
                found.append(project_id)
    return found


def list_folders(project_id: bytes) -> list[Path]:
    """The folders of a project's imports. Raises OSError."""
    return list(_list(_project_of(project_id)))


def is_idle(folder: Path, seconds: float) -> bool:
    """Whether nobody has written into it for so long: else it may be on its way here."""
    latest = max((found.st_mtime for found in stat_files(folder)), default=0.0)
    with suppress(FileNotFoundError):
        latest = max(latest, folder.stat().st_mtime)
    return time.time() - latest > seconds


def _list(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        yield from (Path(entry.path) for entry in entries)


def _project_of(project_id: bytes) -> Path:
    root: Path = settings.IMPORTS_DIR
    return root / project_id.hex()
