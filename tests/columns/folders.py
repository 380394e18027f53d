"""Where the segments of a test lie: in a folder of this machine, unless the test says otherwise."""

from pathlib import Path

import pytest
from django.conf import settings

from analytics.events.ids import PROJECT_ID_BYTES
from columns.files.bucket import open_cache
from columns.files.folder import find_folder, make_folder
from columns.files.local import LocalFolder
from columns.files.objects import Objects
from columns.files.remote import name_of

in_either_place = pytest.mark.usefixtures("either_place")
"""Of tests that are told of a folder of this machine, and at night of a bucket."""


def columns_root() -> Path:
    """The folder, whether it is there or not. A test that looks into it is not told of a bucket."""
    root = settings.COLUMNS_URL
    if not isinstance(root, Path):
        pytest.skip("it looks into the folder itself")
    return root


def local_folder() -> LocalFolder:
    """As `find_folder`."""
    columns_root()
    found = find_folder()
    assert isinstance(found, LocalFolder)
    return found


def make_local_folder() -> LocalFolder:
    """As `make_folder`."""
    columns_root()
    make_folder()
    return local_folder()


def list_files() -> set[bytes]:
    """The segments of which there is a file, or an object. Fails where there is anything else."""
    if isinstance(root := settings.COLUMNS_URL, Path):
        names = [str(path.relative_to(root)) for path in root.glob("*/*")]
    else:
        names = [name for name in Objects(root).list_names() if "/" in name]
    return {bytes.fromhex(name.removesuffix(".parquet").replace("/", "")) for name in names}


def list_projects() -> set[bytes]:
    return {segment_id[:PROJECT_ID_BYTES] for segment_id in list_files()}


def read_file(segment_id: bytes) -> bytes:
    if isinstance(root := settings.COLUMNS_URL, Path):
        return (root / name_of(segment_id)).read_bytes()
    return Objects(root).read(name_of(segment_id))


def write_file(segment_id: bytes, data: bytes) -> None:
    """Behind the service's back; this host has no copy of it."""
    if isinstance(root := settings.COLUMNS_URL, Path):
        (root / name_of(segment_id)).write_bytes(data)
    else:
        Objects(root).write(name_of(segment_id), data, again=True)
        open_cache().drop(segment_id)


def remove_file(segment_id: bytes) -> None:
    """Behind the service's back; this host has no copy of it."""
    if isinstance(root := settings.COLUMNS_URL, Path):
        (root / name_of(segment_id)).unlink()
    else:
        Objects(root).delete(name_of(segment_id))
        open_cache().drop(segment_id)
