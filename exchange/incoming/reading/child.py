"""The child: read the file that is its standard input, and write frames to its standard output.

It ends with a frame that says how; a parent that gets none knows by its status. What a library
prints, as an engine does how far it is, gets nowhere: it would be taken for a frame.
"""

import io
import os
import sys
import time
from collections.abc import Iterator
from typing import Final, NoReturn

import msgspec

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.text import find_encoding
from exchange.incoming.files.unpacking import Unpacked
from exchange.incoming.options import SourceName
from exchange.incoming.reading.confining import find_peak, forbid, isolate, limit
from exchange.incoming.reading.protocol import (
    OUT_OF_MEMORY_STATUS,
    Column,
    Ended,
    Failed,
    Frame,
    Guess,
    Guessed,
    Order,
)
from exchange.incoming.rows import Item, LeftOut
from exchange.incoming.sources.brief import Brief
from exchange.incoming.sources.detecting import detect
from exchange.incoming.sources.mapped.guessing import guess_mapping
from exchange.incoming.sources.mapped.sampling import sample
from exchange.incoming.sources.table import READERS

_CHUNK_ROWS: Final = 500
_CHUNK_BYTES: Final = 512 * 1024
_ITEM_BYTES: Final = 2 * 1024 * 1024
_CHUNK_SECONDS: Final = 0.5
_CHUNK_TAG: Final = 1  # of protocol.Chunk
_GUESSED_ROWS: Final = 20
_SAMPLES: Final = 3
_SAMPLE_CHARS: Final = 100
_MOST_SITES: Final = 20
_SITE_ROWS: Final = 1_000
_WITH_SITES: Final = ("umami", "plausible")
_IN, _OUT, _ERRORS = 0, 1, 2
_FRAMES: Final = 3
"""Where standard output went, once that was made to lead nowhere, as the errors do."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_item: Final = msgspec.msgpack.Decoder[Item](Item).decode


def main(order_pipe: int) -> NoReturn:
    with os.fdopen(order_pipe, "rb") as pipe:
        order = msgspec.msgpack.decode(pipe.read(), type=Order)
    os.dup2(_OUT, _FRAMES)
    os.dup2(_ERRORS, _OUT)
    status = 0
    try:
        isolate()
        limit(order.limits)
        forbid()
        _obey(order)
    except MemoryError:
        status = OUT_OF_MEMORY_STATUS
    except RecursionError:
        _send(Failed("reader_died", "too deep"))
    except BrokenPipeError:  # nobody wants to know any more
        status = 1
    except Exception as exc:  # a fault of ours: where, and nothing of the file
        _send(Failed("reader_died", _name_fault(exc)))
    sys.exit(status)


def _name_fault(exc: Exception) -> str:
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else ""
    return f"{type(exc).__name__} in {place}"


def _obey(order: Order) -> None:
    try:
        file = Unpacked(
            io.FileIO(_IN, closefd=False), os.fstat(_IN).st_size, order.name, order.limits
        )
        brief = Brief(order.mapping, order.options, order.limits)
        source = order.source or detect(file, order.options, order.limits)
        if order.act == "guess":
            _send(Guessed(_guess(file, source, brief)))
            return
        if source is None:
            raise SourceError("unknown_source")
        _send(Ended(_send_rows(file, source, brief, order.skip), find_peak()))
    except SourceError as exc:
        _send(Failed(exc.code, exc.detail[:200], find_peak()))


def _send_rows(file: Unpacked, source: SourceName, brief: Brief, skip: int) -> int:
    chunk = _ChunkWriter(file)
    row = 0
    try:
        for item in READERS[source](file, brief):
            row += 1
            if row > brief.limits.rows:
                raise SourceError("too_many_rows", f"more than {brief.limits.rows}")
            if row > skip:
                item.row = row
                chunk.add(item)
            elif row % _CHUNK_ROWS == 0:
                chunk.flush_late()
    finally:  # what was read before an error is right
        chunk.flush_rest()
    return row


class _ChunkWriter:
    """Rows, sent some at a time."""

    def __init__(self, file: Unpacked) -> None:
        self._file = file
        self._items: list[msgspec.Raw] = []
        self._bytes = 0
        self._since = time.monotonic()

    def add(self, item: Item) -> None:
        raw = _encode_item(item)
        self._items.append(msgspec.Raw(raw))
        self._bytes += len(raw)
        if len(self._items) >= _CHUNK_ROWS or self._bytes >= _CHUNK_BYTES:
            self.flush()
        elif len(self._items) % 50 == 0:
            self.flush_late()

    def flush_late(self) -> None:
        """Say that it goes on, where nothing was said for a moment."""
        if time.monotonic() - self._since > _CHUNK_SECONDS:
            self.flush()

    def flush_rest(self) -> None:
        if self._items:
            self.flush()

    def flush(self) -> None:
        _write(_encode([_CHUNK_TAG, self._items, self._file.read_bytes]))
        self._items, self._bytes, self._since = [], 0, time.monotonic()


def _guess(file: Unpacked, source: SourceName | None, brief: Brief) -> Guess:
    guessed = Guess(source, brief.mapping, packing=file.packing)
    if source is None or file.is_parquet:
        guessed.encoding = ""
    else:
        stream = file.members[0].open()
        guessed.encoding = find_encoding(stream, brief.options.encoding, strict=False)
    if source is None:
        return guessed
    if source in ("csv", "jsonl"):
        columns = sample(file, source, brief)
        guessed.columns = [
            Column(name, [str(value)[:_SAMPLE_CHARS] for value in values[:_SAMPLES]])
            for name, values in columns.items()
        ]
        if guessed.mapping is None:
            guessed.mapping = guess_mapping(columns)
        if "timestamp" not in guessed.mapping.fields:
            return guessed
        brief = Brief(guessed.mapping, brief.options, brief.limits)
    items = _number(READERS[source](file, brief))
    for item in items:
        guessed.items.append(_decode_item(_encode_item(item)))
        if len(guessed.items) == _GUESSED_ROWS:
            break
    if source in _WITH_SITES:
        guessed.sites = _list_sites(READERS[source](file, brief.without_site()))
    return guessed


def _encode_item(item: Item) -> bytes:
    """As it crosses the pipe; what does not becomes a row that is left out."""
    try:
        raw = _encode(item)
    except (OverflowError, UnicodeEncodeError, RecursionError, TypeError):
        raw = b""
    return raw if 0 < len(raw) <= _ITEM_BYTES else _encode(LeftOut(item.row, "too_large"))


def _number(items: Iterator[Item]) -> Iterator[Item]:
    for row, item in enumerate(items, 1):
        item.row = row
        yield item


def _list_sites(items: Iterator[Item]) -> list[str]:
    """The websites of the first rows, which are all left out here; none where they are of one."""
    sites = {
        item.detail: None
        for _, item in zip(range(_SITE_ROWS), items, strict=False)
        if isinstance(item, LeftOut) and item.reason == "other_site"
    }
    return list(sites)[:_MOST_SITES] if len(sites) > 1 else []


def _send(frame: Frame) -> None:
    _write(_encode(frame))


def _write(data: bytes) -> None:
    view = memoryview(len(data).to_bytes(4, "big") + data)
    while view:
        view = view[os.write(_FRAMES, view) :]
