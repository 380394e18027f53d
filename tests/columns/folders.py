"""Where the segments of a test lie: in a folder of this machine, unless the test says otherwise."""

from pathlib import Path

from django.conf import settings

from columns.files.folder import find_folder, make_folder
from columns.files.local import LocalFolder


def columns_root() -> Path:
    """The folder, whether it is there or not."""
    root = settings.COLUMNS_URL
    assert isinstance(root, Path)
    return root


def local_folder() -> LocalFolder:
    """As `find_folder`."""
    found = find_folder()
    assert isinstance(found, LocalFolder)
    return found


def make_local_folder() -> LocalFolder:
    """As `make_folder`."""
    make_folder()
    return local_folder()
