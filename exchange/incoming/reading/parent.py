"""The side of who asks: start the child, take its frames, and say why where they end too soon."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.limits import Limits
from exchange.incoming.mapping import Mapping
from exchange.incoming.options import Options, SourceName
from exchange.incoming.reading.protocol import (
    MAX_FRAME_BYTES,
    OUT_OF_MEMORY_STATUS,
    Chunk,
    Ended,
    Failed,
    Frame,
    Guess,
    Guessed,
    Order,
)
from exchange.incoming.rows import Item

_ROOT: Final = Path(__file__).resolve().parents[3]
_BOOT: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from exchange.incoming.reading.child import main; main(int(sys.argv[2]))"
)
_ENVIRONMENT: Final = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PATH": ""}
"""All that the child is told: no settings, so no credentials."""
_READ_BYTES: Final = 256 * 1024

_decoder: Final[msgspec.msgpack.Decoder[Frame]] = msgspec.msgpack.Decoder(Frame)


class Reading:
    """The rows of a file, in its order: an iterator to be closed, so a context manager.

    Gives one item for each row after `skip`. Raises SourceError where the file ends otherwise than
    it should; every item before that is right.
    """

    def __init__(self, path: Path, order: Order) -> None:
        self.size_bytes = 0
        """Of the file; 0 of an empty one."""
        self.read_bytes = 0
        """How far the child is in it, for a progress bar: somewhat ahead of the items."""
        self.row = self._skipped = order.skip
        """The last row that was given: `skip` of who goes on here."""
        self.peak_bytes = 0
        """The most memory that the child had, once it has said how it ended."""
        self._limits = order.limits
        self._ahead: Frame | None = None
        self._buffer = bytearray()
        self._child = self._start(path, order)
        self._items = self._take()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Item]:
        return self._items

    def is_there(self, deadline: float) -> bool:
        """Whether the child is behind what it was to skip; waits for that until `deadline`.

        Who finds that it is not asks again, later: the child goes on meanwhile. Raises SourceError.
        """
        while self._ahead is None and self.row == self._skipped:
            frame = self._next_frame()
            if not isinstance(frame, Chunk) or frame.items:
                self._ahead = frame
            elif time.monotonic() > deadline:
                return False
        return True

    def close(self) -> None:
        """End the child, wherever it is."""
        self._items.close()
        if self._child.returncode is None:
            self._child.kill()
            self._reap()
        if self._child.stdout is not None:
            self._child.stdout.close()

    def _start(self, path: Path, order: Order) -> "subprocess.Popen[bytes]":
        try:
            file = path.open("rb", buffering=0)
        except OSError as exc:
            raise SourceError("no_such_file", exc.strerror or "") from None
        with file:
            self.size_bytes = os.fstat(file.fileno()).st_size
            readable, writable = os.pipe()
            try:
                child = subprocess.Popen(
                    [sys.executable, "-I", "-c", _BOOT, str(_ROOT), str(readable)],
                    stdin=file,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=_ENVIRONMENT,
                    cwd="/",
                    pass_fds=(readable,),
                    start_new_session=True,
                )
            except BaseException:
                os.close(writable)
                raise
            finally:
                os.close(readable)
        try:
            with os.fdopen(writable, "wb") as pipe:
                pipe.write(msgspec.msgpack.encode(order))
        except BrokenPipeError:  # it is dead: what it leaves says more
            pass
        return child

    def _take(self) -> Generator[Item]:
        while True:
            frame, self._ahead = self._ahead or self._next_frame(), None
            if isinstance(frame, Chunk):
                self.read_bytes = frame.read_bytes
                for item in frame.items:
                    self.row = item.row
                    yield item
            elif isinstance(frame, Ended):
                self.peak_bytes = frame.peak_bytes
                self.read_bytes = self.size_bytes
                self._reap()
                return
            elif isinstance(frame, Failed):
                self.peak_bytes = frame.peak_bytes
                self._reap()
                raise SourceError(frame.code, frame.detail, self.row)
            else:
                raise SourceError("reader_died", "an answer to another question", self.row)

    def take_guess(self) -> Guess:
        frame = self._next_frame()
        if isinstance(frame, Failed):
            raise SourceError(frame.code, frame.detail)
        if not isinstance(frame, Guessed):
            raise SourceError("reader_died", "an answer to another question")
        return frame.guess

    def _next_frame(self) -> Frame:
        length = int.from_bytes(self._read(4), "big")
        if length > MAX_FRAME_BYTES:
            raise SourceError("reader_died", "a frame is too large", self.row)
        try:
            return _decoder.decode(self._read(length))
        except msgspec.MsgspecError:
            raise SourceError("reader_died", "a frame is damaged", self.row) from None

    def _read(self, count: int) -> bytes:
        assert self._child.stdout is not None
        pipe = self._child.stdout.fileno()
        deadline = time.monotonic() + self._limits.silent_seconds
        while len(self._buffer) < count:
            poll = select.poll()
            poll.register(pipe, select.POLLIN)
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                self._child.kill()
                self._reap()
                raise SourceError("too_slow", "nothing came for long", self.row)
            data = os.read(pipe, _READ_BYTES)
            if not data:
                raise self._explain_end()
            self._buffer += data
            deadline = time.monotonic() + self._limits.silent_seconds
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _explain_end(self) -> SourceError:
        status = self._reap()
        if status == -signal.SIGXCPU:
            return SourceError("too_slow", "it took all the time it may take", self.row)
        if status == OUT_OF_MEMORY_STATUS:
            return SourceError("out_of_memory", "", self.row)
        return SourceError("reader_died", f"status {status}", self.row)

    def _reap(self) -> int:
        """Wait for the child, which is about to end; its status, negative of a signal."""
        return self._child.wait()


def open_source(
    path: Path,
    source: SourceName | None = None,
    mapping: Mapping | None = None,
    *,
    options: Options | None = None,
    skip: int = 0,
    limits: Limits | None = None,
) -> Reading:
    """Start to read a file; without a source it is the one that it seems to be.

    `skip` rows are read and not given. Raises SourceError `no_such_file`; the others come with
    the rows.
    """
    order = Order(
        "read", source, mapping, options or Options(), limits or Limits(), skip, path.name
    )
    return Reading(path, order)


def guess(
    path: Path,
    source: SourceName | None = None,
    mapping: Mapping | None = None,
    *,
    options: Options | None = None,
    limits: Limits | None = None,
) -> Guess:
    """What a file seems to be, and what its first rows would become; by a mapping if one is given.

    Raises SourceError.
    """
    order = Order("guess", source, mapping, options or Options(), limits or Limits(), 0, path.name)
    with Reading(path, order) as reading:
        return reading.take_guess()
