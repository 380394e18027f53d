"""What a process remembers of the pieces it has read.

A run never changes and its id is random, so what was read of it once is right for ever. Which
runs an answer adds up is read anew each time, from the heads of its own project.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from analytics.rollups import EncodedTable

_MEBIBYTE = 1024 * 1024
MAX_BYTES = 32 * _MEBIBYTE

# A dict of six columns with their headers, and the entry itself.
_ENTRY_BYTES = 1_000

Columns = tuple[str, ...]
Key = tuple[bytes, str, Columns]  # piece, dimension, columns


class PieceCache:
    """The columns of a piece's table for one dimension, or None where it has no such table.

    Forgets what was not used for longest beyond `max_bytes`.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._tables: OrderedDict[Key, tuple[EncodedTable | None, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self, pieces: Iterable[bytes], dimensions: Sequence[str], columns: Columns
    ) -> dict[bytes, dict[str, EncodedTable]]:
        """The pieces of which all `dimensions` are known."""
        known: dict[bytes, dict[str, EncodedTable]] = {}
        with self._lock:
            for piece in pieces:
                tables: dict[str, EncodedTable] = {}
                for dimension in dimensions:
                    key = (piece, dimension, columns)
                    entry = self._tables.get(key)
                    if entry is None:
                        break
                    self._tables.move_to_end(key)
                    if entry[0] is not None:
                        tables[dimension] = entry[0]
                else:
                    known[piece] = tables
        return known

    def put(
        self,
        piece: bytes,
        dimensions: Sequence[str],
        columns: Columns,
        tables: dict[str, EncodedTable],
    ) -> None:
        with self._lock:
            for dimension in dimensions:
                table = tables.get(dimension)
                size = _ENTRY_BYTES + _measure(table)
                key = (piece, dimension, columns)
                replaced = self._tables.pop(key, None)
                self._bytes += size - (replaced[1] if replaced else 0)
                self._tables[key] = (table, size)
            while self._bytes > self._max_bytes:
                _, (_, size) = self._tables.popitem(last=False)
                self._bytes -= size

    def clear(self) -> None:
        with self._lock:
            self._tables.clear()
            self._bytes = 0


def _measure(table: EncodedTable | None) -> int:
    return sum(len(column) for column in (table or {}).values() if isinstance(column, bytes))
