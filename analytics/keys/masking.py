"""Mask what no sample may hold, addresses and secret keys, also where a client wrote it encoded.

What vendors' bodies are decoded through is undone to look: percent-encoding, the escapes of JSON,
and base64 of both alphabets, each within the others. What is found is masked where it was written,
and everything else stays as it was sent.
"""

import re
from base64 import b64decode
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from analytics.keys.key_text import find_secret_keys

LONGEST_MASKED_CHARS = 512
"""Of a key or an address as it was written: a shorter end of a text may be a part of one."""

_MASK = "(address)"
_MOST_LAYERS = 4  # of encodings, one in the other
_ADDRESS = re.compile(
    r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\w|\.\w)"
    r"|(?<!\w)(?:[0-9A-Fa-f]{0,4}:){2,7}"
    r"(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{0,4})(?![\w:])"
)
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}")
# `\xHH` is how a byte that is no UTF-8 is shown.
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|\\([^ux])")
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
# In a form a plus may have become a blank, and a mail's base64 has lines.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-](?:\s*[A-Za-z0-9+/_-]){9,}")
_STANDARD = str.maketrans("-_", "+/")
_SHORTEST_ADDRESS_CHARS = 7
# What else base64 is read as is noise, in which an address may be by chance.
_TEXT = re.compile(rf"[\t\n\r -~]{{{_SHORTEST_ADDRESS_CHARS},}}")

_Locate = Callable[[int, int], tuple[int, int]]  # where a span of a decoded text was written


class _Found(NamedTuple):
    start: int
    end: int
    shown: str


def mask(text: str) -> str:
    """`text` without the addresses in it, and with the secret keys as they may be shown."""
    parts = []
    done = 0
    for found in sorted(_find(text, _MOST_LAYERS)):
        if found.start >= done:
            parts += [text[done : found.start], found.shown]
        done = max(done, found.end)
    return "".join([*parts, text[done:]])


def _find(text: str, layers: int) -> Iterator[_Found]:
    for start, end, shown in find_secret_keys(text):
        yield _Found(start, end, shown)
    for match in _ADDRESS.finditer(text):
        if not _CLOCK.fullmatch(match[0]):
            yield _Found(match.start(), match.end(), _MASK)
    if layers:
        for inner, locate in _decode(text):
            for found in _find(inner, layers - 1):
                yield _Found(*locate(found.start, found.end), found.shown)


def _decode(text: str) -> Iterator[tuple[str, _Locate]]:
    """What `text` may be with one encoding undone, and where of it that was written."""
    if _ESCAPE.search(text):
        yield _unescape(text)
    for run in _BASE64.finditer(text):
        yield from _decode_base64(run)


def _unescape(text: str) -> tuple[str, _Locate]:
    parts: list[str] = []
    decoded, written = [0], [0]  # positions from which on both go char by char
    length = done = 0
    for match in _ESCAPE.finditer(text):
        hexadecimal = match[1] or match[2] or match[3]
        char = chr(int(hexadecimal, 16)) if hexadecimal else _LETTERS.get(match[4], match[4])
        length += match.start() - done
        parts += [text[done : match.start()], char]
        decoded += [length, length + 1]
        written += [match.start(), match.end()]
        length, done = length + 1, match.end()
    parts.append(text[done:])

    def find_written(at: int) -> int:
        piece = bisect_right(decoded, at) - 1
        return written[piece] + at - decoded[piece]

    return "".join(parts), lambda start, end: (find_written(start), find_written(end))


def _decode_base64(run: re.Match[str]) -> Iterator[tuple[str, _Locate]]:
    """The texts in `run`, wherever in it the base64 begins."""
    places = [at for at, char in enumerate(run[0], run.start()) if not char.isspace()]
    letters = "".join(run[0].split()).translate(_STANDARD)
    for begin in range(4):
        whole = (len(letters) - begin) // 4 * 4  # what is beyond is padded
        rest = letters[begin + whole :]
        padded = letters[begin : begin + whole] + (rest.ljust(4, "=") if len(rest) > 1 else "")
        for found in _TEXT.finditer(b64decode(padded).decode("latin-1")):
            yield found[0], partial(_locate_base64, places[begin:], found.start())


def _locate_base64(places: list[int], first: int, start: int, end: int) -> tuple[int, int]:
    start, last = first + start, first + end - 1
    return places[start * 4 // 3], places[last * 4 // 3 + 1] + 1
