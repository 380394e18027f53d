"""The folder of exports: `<EXPORTS_DIR>/<project>/<export>.<attempt>.<ending>`.

A finished file has the ending of its format. While it is made there is a folder `.work` instead.
Nobody but this user reads any of it.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings

from columns.files.folder import sync
from upkeep.job_folders import count_bytes

WORK: Final = "work"
_MIB: Final = 1024 * 1024


class ExportsFull(Exception):
    """A project's exports would take more than its share of EXPORTS_MAX_MB."""


def path_of(project_id: bytes, export_id: str, attempt: int, ending: str) -> Path:
    """The file of an export, or its folder where `ending` is WORK."""
    return _project_of(project_id) / f"{export_id}.{attempt}.{ending}"


def make_work(project_id: bytes, export_id: str, attempt: int) -> Path:
    """The folder of an export under way, made where it is not there. Raises OSError."""
    work = path_of(project_id, export_id, attempt, WORK)
    if not work.is_dir():
        root: Path = settings.EXPORTS_DIR
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        work.parent.mkdir(mode=0o700, exist_ok=True)
        work.mkdir(mode=0o700, exist_ok=True)
        sync(work.parent)
        sync(root)
    return work


def check_room(project_id: bytes, more_bytes: int) -> None:
    """Whether a project may write so much more. Raises ExportsFull and OSError.

    It has half of what the others leave of EXPORTS_MAX_MB: so as much as it takes is left for who
    comes after it (the dynamic thresholds of Choudhury and Hahne, 1998).
    """
    own = count_bytes(_project_of(project_id))
    others = count_bytes(settings.EXPORTS_DIR) - own
    if own + more_bytes > (settings.EXPORTS_MAX_MB * _MIB - others) / 2:
        raise ExportsFull(f"more than its share of {settings.EXPORTS_MAX_MB} MB")


def delete(path: Path) -> None:
    """Delete a file, or a folder with all that is in it, on the disk too. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync(path.parent)


def delete_project(project_id: bytes) -> None:
    """Delete all exports of a project. Raises OSError."""
    folder = _project_of(project_id)
    if folder.is_dir():
        shutil.rmtree(folder)
        sync(folder.parent)


def list_projects() -> list[bytes]:
    """The projects that have a folder. Raises OSError."""
    found = []
    for path in _list(settings.EXPORTS_DIR):
        with suppress(ValueError):
            if len(project_id := bytes.fromhex(path.name)) == 8:
                found.append(project_id)
    return found


def list_names(project_id: bytes) -> list[Path]:
    """All that lies in the folder of a project. Raises OSError."""
    return list(_list(_project_of(project_id)))


def _list(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        yield from (Path(entry.path) for entry in entries)


def _project_of(project_id: bytes) -> Path:
    root: Path = settings.EXPORTS_DIR
    return root / project_id.hex()
