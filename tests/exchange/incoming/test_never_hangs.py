"""Whatever is in a file: rows, or reasons of the closed lists, and an end."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.incoming.files.errors import SOURCE_ERRORS, SourceError
from exchange.incoming.files.limits import Limits
from exchange.incoming.mapping import Mapping
from exchange.incoming.options import ENCODINGS, SOURCES, Encoding, Options, SourceName
from exchange.incoming.reading import guess, open_source
from exchange.incoming.rows import LEFT_OUT_REASONS, ImportedRow, LeftOut
from tests.exchange.incoming import (
    test_access_logs,
    test_goatcounter,
    test_plausible,
    test_umami,
)
from tests.exchange.incoming.archives import zip_of
from tests.exchange.incoming.reading import detect_source, read_here

MAPPING = Mapping(
    fields={"timestamp": "t", "path": "p", "event": "e"}, properties=["q"], properties_from="r"
)
LIMITS = Limits(row_bytes=4_096, rows=10_000, columns=50, ratio_from_bytes=1024**2)
OWN = {
    "id": "01923f6e-8a4b-7c3d-9e5f-0a1b2c3d4e5f", "timestamp": "2025-06-01T10:11:12.345Z",
    "ingestedAt": "2025-06-01T10:11:13.000Z", "event": "pageview", "path": "/", "visitor": "-5",
    "properties": {"a": [1, {"b": None}]},
}  # fmt: skip
SEEDS = [
    b"t,p,e,q,r\n2025-06-01,/x,a,1,{}\n2025-06-02T01:02:03Z,/y,b,,\n",
    b'{"t":"2025-06-01","p":"/x","e":"a","q":1,"r":{"a":[1,2.5,null]}}\n',
    (test_access_logs.combined() * 2).encode(),
    json.dumps(test_access_logs.CADDY).encode(),
    (test_goatcounter.HEADER + test_goatcounter.line()).encode(),
    test_plausible.as_csv(meta__key=["a"], meta__value=["b"]).encode(),
    test_plausible.as_json().encode(),
    test_umami.table(test_umami.event()).encode(),
    zip_of(
        {
            "website_event.csv": test_umami.table(test_umami.event()),
            "event_data.csv": test_umami.table(test_umami.data("a", "5", string_value="[1]")),
        }
    ),
    json.dumps(OWN).encode(),
    gzip.compress(b"t,p,e,q,r\n2025-06-01,/x,a,1,{}\n", mtime=0),
]
# What breaks readers: ends, quotes, escapes, depths, numbers too large, what is no text.
SPLINTERS = [
    b"\0", b"\r", b"\n", b'"', b"'", b",", b"\\", b"\\x", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf",
    b"[" * 40, b"{", b"}", b"]", b"1e999", b"-0", b"99999999999999999999999999", b"NaN",
    b"\\ud800", b"\xed\xa0\x80", b"9999-12-31T23:59:59Z", b"0000-00-00", b"null", b"true", b" ",
    b"PK\x03\x04", b"PAR1", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", "İ".encode(), b"%", b"://",
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good file with some splinters in it, or cut."""
    content = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(content)))
        until = min(len(content), at + draw(st.integers(0, 12)))
        splinter = draw(st.one_of(st.sampled_from(SPLINTERS), st.binary(max_size=4)))
        content[at:until] = splinter
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)


def check(content: bytes, source: SourceName, encoding: Encoding) -> None:
    mapping = MAPPING if source in ("csv", "jsonl") else None
    try:
        items = read_here(
            content, source, mapping, options=Options(encoding=encoding), limits=LIMITS
        )
    except SourceError as error:
        assert error.code in SOURCE_ERRORS and len(error.detail) < 300
        return
    for item in items:
        if isinstance(item, LeftOut):
            assert item.reason in LEFT_OUT_REASONS and len(item.detail) <= 100
        else:
            assert isinstance(item, ImportedRow) and item.event
            assert 0 <= item.timestamp < 7_258_118_400_000
            assert item.path is not None or item.url is not None


many = settings(max_examples=200)


@many
@given(damaged(), st.sampled_from(SOURCES), st.sampled_from(ENCODINGS))
def test_a_damaged_file_is_read_to_an_end_as_any_source(
    content: bytes, source: SourceName, encoding: Encoding
) -> None:
    if content[:4] != b"PAR1":  # that is read by the child alone
        check(content, source, encoding)


@many
@given(damaged())
def test_what_a_damaged_file_seems_to_be_is_told_and_read(content: bytes) -> None:
    try:
        source = detect_source(content)
    except SourceError as error:
        assert error.code in SOURCE_ERRORS
        return
    if source is not None and content[:4] != b"PAR1":
        check(content, source, "auto")


@settings(max_examples=100)
@given(st.binary(max_size=300), st.sampled_from(SOURCES))
def test_bytes_are_no_file(content: bytes, source: SourceName) -> None:
    if content[:4] != b"PAR1":
        check(content, source, "auto")


@pytest.mark.slow
@settings(max_examples=15)
@given(damaged())
def test_the_child_tells_the_same(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    try:
        guessed = guess(path, limits=LIMITS)
        with open_source(path, guessed.source, guessed.mapping, limits=LIMITS) as reading:
            items = list(reading)
        assert [item.row for item in items] == list(range(1, len(items) + 1))
    except SourceError as error:
        assert error.code in SOURCE_ERRORS and error.code not in ("reader_died", "out_of_memory")
