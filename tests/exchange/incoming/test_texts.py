"""Encodings, ends of lines, and what a file may be packed in."""

import gzip
import sys
import zipfile

import pytest

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.limits import Limits
from exchange.incoming.mapping import Mapping
from exchange.incoming.options import Encoding, Options
from tests.exchange.incoming.archives import zip_of
from tests.exchange.incoming.reading import only_row, read_here, reasons_of, rows_of

if sys.version_info >= (3, 14):
    from compression.zstd import compress
else:
    from backports.zstd import compress

MAPPING = Mapping(fields={"timestamp": "t", "path": "p"})
TEXT = "t,p\n2025-06-01,/café\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TEXT.encode(), "auto"),
        (TEXT.encode("utf-8-sig"), "auto"),
        (TEXT.encode("utf-16"), "auto"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "auto"),
        (TEXT.encode("utf-16-le"), "utf-16"),
        (TEXT.encode("latin-1"), "latin-1"),
        (TEXT.encode("cp1252"), "cp1252"),
    ],
    ids=["UTF-8", "marked", "UTF-16", "big end first", "UTF-16 unmarked", "latin-1", "cp1252"],
)
def test_a_text_is_read_in_its_encoding(content: bytes, encoding: Encoding) -> None:
    items = read_here(content, "csv", MAPPING, options=Options(encoding=encoding))
    assert only_row(items).path == "/café"


@pytest.mark.parametrize("codec", ["latin-1", "utf-16-le", "utf-32"])
def test_another_encoding_is_refused_as_a_whole_and_never_guessed(codec: str) -> None:
    with pytest.raises(SourceError, match="bad_encoding"):
        read_here(TEXT.encode(codec), "csv", MAPPING)


def test_a_stray_byte_far_into_a_file_leaves_out_its_row_alone() -> None:
    row = b"2025-06-01,/a\n"
    content = b"t,p\n" + row * 50_000 + b"2025-06-01,/\xff\n" + row
    reasons = reasons_of(read_here(content, "csv", MAPPING))
    assert reasons == [*[None] * 50_000, "bad_encoding", None]


def test_utf_16_that_is_cut_short_leaves_out_its_last_row() -> None:
    content = (TEXT * 2).encode("utf-16")[:-1]
    assert "bad_encoding" in reasons_of(read_here(content, "csv", MAPPING))


def test_mixed_ends_of_lines_are_ends_and_those_in_quotes_are_kept() -> None:
    content = 't,p\r\n2025-06-01,/a\r2025-06-01,"/b\r\nc"\n\n\r\n2025-06-01,/d'
    paths = [row.path for row in rows_of(read_here(content, "csv", MAPPING))]
    assert paths == ["/a", "/b\r\nc", "/d"]


def test_a_nul_leaves_out_its_row() -> None:
    content = "t,p\n2025-06-01,/a\0b\n2025-06-01,/c\n"
    assert reasons_of(read_here(content, "csv", MAPPING)) == ["bad_encoding", None]


def test_a_quote_that_is_never_closed_takes_no_more_than_a_row_may_have() -> None:
    row = "2025-06-01,/a\n"
    content = 't,p\n2025-06-01,"/open\n' + row * 500
    reasons = reasons_of(read_here(content, "csv", MAPPING, limits=Limits(row_bytes=1_000)))
    assert reasons[0] == "too_long" and set(reasons[1:]) == {None} and len(reasons) > 400


def test_a_line_without_an_end_leaves_out_that_line() -> None:
    content = "t,p\n2025-06-01,/" + "a" * 5_000 + "\n2025-06-01,/b\n"
    reasons = reasons_of(read_here(content, "csv", MAPPING, limits=Limits(row_bytes=1_000)))
    assert reasons == ["too_long", None]


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"\r\n", zip_of({}), zip_of({"a/": ""})],
    ids=["nothing", "lines", "a line", "a zip", "a zip with a folder"],
)
def test_a_file_without_anything_in_it_is_empty(content: bytes) -> None:
    with pytest.raises(SourceError, match="empty_file"):
        read_here(content, "csv", MAPPING)


DATA = TEXT.encode()


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(DATA),
        gzip.compress(DATA[:9]) + gzip.compress(DATA[9:]),
        compress(DATA),
        compress(DATA[:9]) + compress(DATA[9:]),
        zip_of({"a.csv": DATA}),
        zip_of({"a.csv.gz": gzip.compress(DATA)}),
        zip_of({"a.csv": DATA, "__MACOSX/._a.csv": b"\0\5"}),
        zip_of({"a.csv": DATA}, zipfile.ZIP_STORED),
    ],
    ids=["gzip", "gzips", "zstd", "zstds", "zip", "gzip in a zip", "a Mac's zip", "a stored zip"],
)
def test_what_is_packed_is_unpacked(packed: bytes) -> None:
    assert only_row(read_here(packed, "csv", MAPPING)).path == "/café"


def test_the_members_of_a_zip_are_read_one_after_another() -> None:
    items = read_here(zip_of({"a.csv": TEXT, "b.csv": TEXT.replace("café", "b")}), "csv", MAPPING)
    assert [row.path for row in rows_of(items)] == ["/café", "/b"]


LONG = (TEXT + "2025-06-01,/a\n" * 20_000).encode()


@pytest.mark.parametrize(
    "damaged",
    [
        gzip.compress(LONG)[:-100],
        gzip.compress(LONG)[:-4] + b"\0\0\0\0",
        gzip.compress(DATA) + b"more",
        compress(LONG)[:-10],
        zip_of({"a.csv": LONG})[:-30],
        b"PK\x03\x04" + b"\0" * 100,
        zip_of({"a.csv": TEXT}, zipfile.ZIP_LZMA),
        zip_of({"a.csv": DATA}, zipfile.ZIP_STORED).replace(DATA[-5:], b"abcd\n"),
    ],
    ids=[
        "a gzip cut short",
        "a wrong sum",
        "more after a gzip",
        "a zstd cut short",
        "a zip cut short",
        "no zip",
        "another method",
        "a wrong sum in a zip",
    ],
)
def test_what_is_damaged_is_refused(damaged: bytes) -> None:
    with pytest.raises(SourceError, match="bad_archive"):
        read_here(damaged, "csv", MAPPING)


def test_a_zip_with_a_password_is_refused() -> None:
    packed = bytearray(zip_of({"a.csv": TEXT}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(mark) + offset] |= 1
    with pytest.raises(SourceError, match="encrypted_archive"):
        read_here(bytes(packed), "csv", MAPPING)


def test_a_zip_of_too_many_files_is_refused() -> None:
    packed = zip_of({f"{number}.csv": TEXT for number in range(11)})
    with pytest.raises(SourceError, match="too_many_members"):
        read_here(packed, "csv", MAPPING, limits=Limits(members=10))
