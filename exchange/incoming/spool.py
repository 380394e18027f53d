"""What was read of a file, as the events that it becomes: block after block, each by itself.

A block is its length (4 bytes, big-endian) and zlib of a MessagePack array of `Taken`. What is in
`state.json` beside it is on the disk, also where power failed; bytes of the spool behind it are of
a stride that died, and are written again.
"""

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import msgspec

from analytics.databases.import_documents import Report
from columns.files.folder import sync

BLOCK_EVENTS: Final = 1_000
BLOCK_BYTES: Final = 512 * 1024
SAMPLES: Final = 20
"""Of each reason: so many rows that are left out are named."""

_LENGTH_BYTES: Final = 4
_LEVEL: Final = 1


class Taken(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An event to be imported."""

    event_id: str  # the text of its id
    raw: bytes  # as `analytics.events.imported` reads it
    user: int | None = None  # the hash of its user, where it has one


class State(msgspec.Struct):
    """How far a file is read, and what was found in it."""

    report: Report
    spool_bytes: int = 0
    read_bytes: int = 0  # of the file


class SpoolLost(Exception):
    """What was written is not there: the folder is another one, or was emptied."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Taken]).decode


def no_report() -> Report:
    return {
        "rows": 0, "events": 0, "doubles": 0, "stored": 0, "leftOut": {}, "samples": {},
        "firstMs": None, "lastMs": None,
    }  # fmt: skip


def read_state(folder: Path) -> State:
    """Raises OSError and msgspec.MsgspecError."""
    try:
        text = (folder / "state.json").read_bytes()
    except FileNotFoundError:
        return State(no_report())
    return msgspec.json.decode(text, type=State)


def write_state(folder: Path, state: State) -> None:
    """On the disk, whole or not at all. Raises OSError."""
    made = folder / "state.new"
    with made.open("wb") as file:
        file.write(msgspec.json.encode(state))
        file.flush()
        os.fsync(file.fileno())
    made.rename(folder / "state.json")
    sync(folder)


def open_spool(folder: Path, at: int) -> IO[bytes]:
    """The spool, to be written from byte `at` on. Raises OSError and SpoolLost."""
    fd = os.open(folder / "spool", os.O_RDWR | os.O_CREAT, 0o600)
    file = os.fdopen(fd, "r+b")
    if os.fstat(fd).st_size < at:
        file.close()
        raise SpoolLost(f"it has less than {at} bytes")
    file.truncate(at)
    file.seek(at)
    return file


def write_block(file: IO[bytes], events: Sequence[Taken]) -> int:
    """Append a block; how long it is."""
    packed = zlib.compress(_encode(events), _LEVEL)
    file.write(len(packed).to_bytes(_LENGTH_BYTES, "big") + packed)
    return _LENGTH_BYTES + len(packed)


def read_block(folder: Path, at: int) -> tuple[list[Taken], int]:
    """The block at byte `at`, and where the next one begins; none at the end.

    Raises OSError, and SpoolLost where it is not whole.
    """
    try:
        with (folder / "spool").open("rb") as file:
            file.seek(at)
            head = file.read(_LENGTH_BYTES)
            length = int.from_bytes(head, "big")
            packed = file.read(length)
    except FileNotFoundError as exc:
        raise SpoolLost("it is gone") from exc
    if not head:
        return [], at
    try:
        return _decode(zlib.decompress(packed)), at + _LENGTH_BYTES + length
    except (zlib.error, msgspec.MsgspecError) as exc:
        raise SpoolLost(f"the block at {at} is damaged") from exc
