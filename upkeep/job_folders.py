"""What the folders of jobs hold, while others write into them and delete."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def count_bytes(folder: Path) -> int:
    """Of all files below. Raises OSError."""
    return sum(found.st_size for found in stat_files(folder))


def stat_files(folder: Path) -> Iterator[os.stat_result]:
    """Of each file below; what goes meanwhile is left out. Raises OSError."""
    for parent, _, names in os.walk(folder, onerror=_raise_unless_gone):
        for name in names:
            with suppress(FileNotFoundError):
                yield os.lstat(os.path.join(parent, name))


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
