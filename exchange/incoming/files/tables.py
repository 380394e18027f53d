"""CSV and its kin: a header, and rows with as many cells."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Final

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.limits import Limits
from exchange.incoming.files.text import Lines, TooLong, find_encoding, is_text, not_text
from exchange.incoming.options import Options
from exchange.incoming.rows import LeftOut

Row = list[str]

_DELIMITERS: Final = (",", ";", "\t", "|")
# A cell of nothing but NULs is an empty one: so ClickHouse writes a FixedString without a value.
_EMPTY_FIXED: Final = re.compile(r"(?<=[\",;\t|])\x00+(?=[\",;\t|\r\n])")


class Table:
    """A table of text: `header`, and its rows by iterating. Raises SourceError.

    RFC 4180, with any of _DELIMITERS, which the header tells, and any ends of lines.
    """

    def __init__(self, stream: io.BufferedReader, options: Options, limits: Limits) -> None:
        self.codec = find_encoding(stream, options.encoding)
        self._records = _Records(Lines(stream, self.codec, limits.row_bytes), limits)
        self.header = self._records.read_header()

    def __iter__(self) -> Iterator[Row | LeftOut]:
        width = len(self.header)
        for record in self._records:
            if isinstance(record, list) and len(record) != width:
                yield LeftOut(0, "bad_row", f"{len(record)} cells of {width}")
            else:
                yield record


class _Records:
    """Records of CSV, none longer than a bound; after a bad one they go on in the next line."""

    def __init__(self, lines: Lines, limits: Limits) -> None:
        self._lines = lines
        self._limits = limits
        self._chars = 0  # of the record that is being read
        self._first = 0  # its first line
        self._is_text = True
        self._held: str | None = None
        csv.field_size_limit(limits.row_bytes)

    def read_header(self) -> Row:
        try:
            line = next(line for line in self._lines if line.strip())
        except StopIteration:
            raise SourceError("empty_file", "no line in it") from None
        except TooLong:
            raise SourceError("too_many_columns", "the header is too long") from None
        if not is_text(line):
            raise SourceError("bad_encoding", "the header is no text")
        delimiter = max(_DELIMITERS, key=line.count)
        if line.count(delimiter) >= self._limits.columns:
            detail = f"{line.count(delimiter) + 1}, of {self._limits.columns} at most"
            raise SourceError("too_many_columns", detail)
        self._held = line
        self._reader = csv.reader(self._feed(), delimiter=delimiter, strict=True)
        header = next(iter(self))
        if isinstance(header, LeftOut):
            raise SourceError("wrong_source", "the first line is no header")
        return [name.strip() for name in header]

    def __iter__(self) -> Iterator[Row | LeftOut]:
        while True:
            self._chars, self._is_text = 0, True
            try:
                record = next(self._reader)
            except StopIteration:
                return
            except TooLong:
                yield LeftOut(0, "too_long", self._where())
            except csv.Error:
                yield LeftOut(0, "bad_row", f"a quote is not where one may be, {self._where()}")
            else:
                if not self._is_text:
                    yield not_text()
                elif record:  # blank lines are none
                    yield record

    def _where(self) -> str:
        last = self._lines.number
        return f"line {last}" if last == self._first else f"lines {self._first} to {last}"

    def _feed(self) -> "_Feed":
        return _Feed(self)

    def next_line(self) -> str:
        """For the reader: the next line of the record. Raises TooLong."""
        held, self._held = self._held, None
        if not self._chars:
            self._first = self._lines.number + (held is None)
        line = next(self._lines) if held is None else held
        self._chars += len(line)
        if self._chars > self._limits.row_bytes:
            raise TooLong
        if "\x00" in line:
            line = _EMPTY_FIXED.sub("", line)
        self._is_text = self._is_text and is_text(line)
        return line


class _Feed:
    """The lines as an iterator that goes on after it has raised, which no generator does."""

    def __init__(self, records: _Records) -> None:
        self._records = records

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        return self._records.next_line()
