"""Lines of text, whatever their encoding and their ends, none longer than a bound."""

import codecs
import io
import re
from collections.abc import Iterator
from typing import Final

from exchange.incoming.files.errors import SourceError
from exchange.incoming.options import Encoding
from exchange.incoming.rows import LeftOut

_LOOKED_AT_BYTES: Final = 64 * 1024
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, None),  # before that of UTF-16, with which it begins
    (codecs.BOM_UTF32_BE, None),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Bytes that are no text, as `surrogateescape` and `surrogatepass` let them through; and NUL.
_NO_TEXT: Final = re.compile(r"[\x00\ud800-\udfff]")
_CUT_SHORT: Final = "\udc80"


def find_encoding(stream: io.BufferedReader, encoding: Encoding, *, strict: bool = True) -> str:
    """The codec of a text, by its mark and its beginning.

    With `strict` what is no text at the beginning refuses the whole; without it, as a log may hold
    such a line anywhere, its line alone. Raises SourceError `bad_encoding`.
    """
    beginning = stream.peek(_LOOKED_AT_BYTES)[:_LOOKED_AT_BYTES]
    if encoding not in ("auto", "utf-8", "utf-16"):
        return encoding
    for mark, codec in _MARKS:
        if beginning.startswith(mark):
            if codec is None:
                raise SourceError("bad_encoding", "UTF-32")
            return codec
    if encoding == "utf-16":
        return "utf-16-le"
    if beginning.count(b"\x00", 0, 1024) * 4 > len(beginning[:1024]):
        raise SourceError("bad_encoding", "it holds NULs: no text, or UTF-16 without its mark")
    if strict:
        try:
            codecs.getincrementaldecoder("utf-8")().decode(beginning)
        except UnicodeDecodeError as exc:
            line = beginning.count(b"\n", 0, exc.start) + 1
            detail = f"line {line} is not UTF-8; say which encoding it is, as latin-1"
            raise SourceError("bad_encoding", detail) from None
    return "utf-8"


class TooLong(Exception):
    """A line, or a row of several, is longer than it may be; the rest of the line was skipped."""


class Lines:
    """The lines of a text with their ends: `\\n`, `\\r\\n` and `\\r`, also mixed.

    Raises TooLong, after which one may go on, and SourceError. What is no text is in a line as
    surrogates, which `is_text` finds.
    """

    def __init__(self, stream: io.BufferedReader, codec: str, max_chars: int) -> None:
        errors = "surrogatepass" if codec.startswith("utf-16") else "surrogateescape"
        self._text = io.TextIOWrapper(stream, encoding=codec, errors=errors, newline="")
        self._max_chars = max_chars
        self._ended = False
        self.number = 0
        """Of the last line, from 1."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._read()
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > self._max_chars:
            while line and line[-1] not in "\r\n":
                line = self._read()
            raise TooLong
        return line

    def _read(self) -> str:
        if self._ended:
            return ""
        try:
            return self._text.readline(self._max_chars + 1)
        except UnicodeDecodeError:  # the last character is cut short
            self._ended = True
            return _CUT_SHORT


def is_text(line: str) -> bool:
    if line.isascii():
        return "\x00" not in line
    return _NO_TEXT.search(line) is None


def not_text() -> LeftOut:
    return LeftOut(0, "bad_encoding", "bytes that are no text")
