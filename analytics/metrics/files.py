"""The counters of all processes of one service, added up.

Each process counts for itself and leaves its counters in a directory it shares with the others,
once a second and at its end. What a dead process left goes on counting: a total never goes back.
The library's own way maps files into memory and pays for it at every count, 4 us a request.

Imported by gunicorn's master before gevent patches its workers: the standard library and msgspec
only.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

_PREFIX = "analytics-metrics-"
_LOCK = "lock"


class Sample(NamedTuple):
    """One value: of which metric, the sample's own name, its labels in order, what was counted."""

    metric: str
    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


_decoder = msgspec.msgpack.Decoder(list[Sample])


def make_directory() -> Path:
    """An empty directory for this process and its children; those of the dead are removed.

    The lock in it is held until the last of them ends, however it ends.
    """
    for other in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if not _is_in_use(other):
            shutil.rmtree(other, ignore_errors=True)
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX))
    fcntl.flock(_open_lock(directory), fcntl.LOCK_EX)
    return directory


def _open_lock(directory: Path) -> int:
    return os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_in_use(directory: Path) -> bool:
    """Whether a process holds its lock, or it is not ours to judge."""
    try:
        descriptor = _open_lock(directory)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


class MetricFile:
    """This process's file: a name of its own, replaced as a whole."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / f"{os.getpid()}-{os.urandom(4).hex()}.metrics"
        self._partial = self._path.with_suffix(".partial")

    def write(self, samples: list[Sample]) -> None:
        """Best effort: a full disk must not stop what is being counted."""
        with suppress(OSError):
            self._partial.write_bytes(msgspec.msgpack.encode(samples))
            self._partial.replace(self._path)


def read_files(directory: Path) -> Iterator[Sample]:
    """What every process left, the dead ones too."""
    for path in sorted(directory.glob("*.metrics")):
        with suppress(OSError, msgspec.DecodeError):
            yield from _decoder.decode(path.read_bytes())
