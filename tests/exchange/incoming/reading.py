"""Read what a test has written: in this process, or in the child as imports do."""

import io
from collections.abc import Sequence
from pathlib import Path

from exchange.incoming.files.limits import Limits
from exchange.incoming.files.unpacking import Unpacked
from exchange.incoming.mapping import Mapping
from exchange.incoming.options import Options, SourceName
from exchange.incoming.reading import open_source
from exchange.incoming.rows import ImportedRow, Item, LeftOut
from exchange.incoming.sources.brief import Brief
from exchange.incoming.sources.detecting import detect
from exchange.incoming.sources.table import READERS

LIMITS = Limits()


class _Bytes(io.RawIOBase):
    """Bytes as a file without a buffer."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()

    def readinto(self, buffer: object, /) -> int:
        return self._content.readinto(buffer)  # type: ignore[arg-type]


def unpack(content: bytes | str, limits: Limits = LIMITS, name: str = "file") -> Unpacked:
    data = content.encode() if isinstance(content, str) else content
    return Unpacked(_Bytes(data), len(data), name, limits)


def detect_source(content: bytes | str) -> SourceName | None:
    return detect(unpack(content), Options(), LIMITS)


def read_here(
    content: bytes | str,
    source: SourceName,
    mapping: Mapping | None = None,
    *,
    options: Options | None = None,
    limits: Limits = LIMITS,
) -> list[Item]:
    brief = Brief(mapping, options or Options(), limits)
    return list(READERS[source](unpack(content, limits), brief))


def read_in_child(
    path: Path,
    source: SourceName | None = None,
    mapping: Mapping | None = None,
    *,
    options: Options | None = None,
    limits: Limits = LIMITS,
    skip: int = 0,
) -> list[Item]:
    with open_source(path, source, mapping, options=options, limits=limits, skip=skip) as reading:
        return list(reading)


def rows_of(items: Sequence[Item]) -> list[ImportedRow]:
    """The events among them, all others being none of the test's."""
    return [item for item in items if isinstance(item, ImportedRow)]


def only_row(items: Sequence[Item]) -> ImportedRow:
    [item] = items
    assert isinstance(item, ImportedRow), item
    return item


def reasons_of(items: Sequence[Item]) -> list[str | None]:
    """Why each was left out; None of those that were not."""
    return [item.reason if isinstance(item, LeftOut) else None for item in items]
