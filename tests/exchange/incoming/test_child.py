"""The child that reads: what it may, what it takes, and how its end is told."""

import gzip
import os
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import duckdb
import pytest

from exchange.incoming.files.errors import SOURCE_ERRORS, SourceError
from exchange.incoming.files.limits import Limits
from exchange.incoming.mapping import Mapping
from exchange.incoming.reading import guess, open_source
from exchange.incoming.reading import parent as parents
from exchange.incoming.rows import LEFT_OUT_REASONS, LeftOut
from tests.exchange.incoming import test_umami
from tests.exchange.incoming.reading import read_in_child, reasons_of, rows_of
from tests.paths import ROOT

MAPPING = Mapping(fields={"timestamp": "t", "path": "p"})
MEBIBYTE = 1024 * 1024


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(count: int) -> str:
    return "t,p\n" + "".join(f"2025-06-01,/{number}\n" for number in range(count))


def fails(
    path: Path, limits: Limits | None = None, mapping: Mapping | None = MAPPING
) -> SourceError:
    """How reading a file to its end fails, with the memory that the child had at most."""
    with open_source(path, None, mapping, limits=limits) as reading:
        with pytest.raises(SourceError) as caught:
            list(reading)
        assert reading.peak_bytes < 300 * MEBIBYTE, reading.peak_bytes
    return caught.value


def test_it_knows_no_store_and_no_settings() -> None:
    """They would take most of the time in which it starts."""
    code = "import exchange.incoming.reading.child, sys; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert {"pymongo", "redis", "django"}.isdisjoint(told.stdout.split()), told.stderr
    assert "exchange.incoming.reading.child" in told.stdout.split()


def test_rows_are_numbered_and_gone_on_with_where_one_stopped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", rows(2_000))
    with open_source(path, "csv", MAPPING) as reading:
        first = [next(iter(reading)) for _ in range(1_234)]
        assert reading.row == first[-1].row == 1_234
    rest = read_in_child(path, "csv", MAPPING, skip=1_234)
    assert [item.row for item in (*first, *rest)] == list(range(1, 2_001))
    assert rows_of(rest)[0].path == "/1234"
    assert read_in_child(path, "csv", MAPPING, skip=2_000) == []


def test_who_stops_reading_leaves_no_child(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", rows(100_000))
    with open_source(path, "csv", MAPPING) as reading:
        next(iter(reading))
        child = reading._child.pid
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_how_far_it_is_grows_to_the_size_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", rows(50_000))
    with open_source(path, "csv", MAPPING) as reading:
        next(iter(reading))
        assert 0 < reading.read_bytes < reading.size_bytes == path.stat().st_size
        for _ in reading:
            pass
        assert reading.read_bytes == reading.size_bytes


def test_the_limit_of_rows_is_an_error_after_them(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", rows(20))
    with open_source(path, "csv", MAPPING, limits=Limits(rows=10)) as reading:
        items = iter(reading)
        assert [next(items).row for _ in range(10)] == list(range(1, 11))
        with pytest.raises(SourceError) as caught:
            next(items)
    assert (caught.value.code, caught.value.row) == ("too_many_rows", 10)


def test_a_missing_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no_such_file"):
        open_source(tmp_path / "none.csv")
    assert guess(write(tmp_path / "a", "prose\n")).source is None
    assert fails(write(tmp_path / "a", "prose\n")).code == "unknown_source"


def test_what_a_file_seems_to_be_is_shown_with_its_first_rows(tmp_path: Path) -> None:
    packed = gzip.compress(b"time,page,plan\n" + b"2025-06-01 10:11:12,/x,pro\n" * 50)
    guessed = guess(write(tmp_path / "a.csv.gz", packed))
    assert (guessed.source, guessed.packing, guessed.encoding) == ("csv", "gzip", "utf-8")
    assert [column.name for column in guessed.columns] == ["time", "page", "plan"]
    assert guessed.mapping is not None
    assert guessed.mapping.fields == {"timestamp": "time", "path": "page"}
    assert len(rows_of(guessed.items)) == 20
    assert rows_of(guessed.items)[0].properties == {"plan": "pro"}


def test_the_websites_of_a_file_are_told_where_it_has_several(tmp_path: Path) -> None:
    one = test_umami.table(test_umami.event(), test_umami.event())
    assert guess(write(tmp_path / "one.csv", one)).sites == []
    two = test_umami.table(test_umami.event(), test_umami.event(website_id=test_umami.OTHER))
    guessed = guess(write(tmp_path / "two.csv", two))
    assert guessed.sites == [test_umami.SITE, test_umami.OTHER]
    assert reasons_of(guessed.items) == [None, "other_site"]


# Run in the place of what reads: it tries what a file that took it over would.
TRIES = """
import builtins, os, socket, subprocess, resource
from exchange.incoming.rows import LeftOut
from exchange.incoming.sources import table

def attempt(name, act):
    try:
        act()
    except BaseException as exc:
        return LeftOut(0, "bad_value", f"{name}: {type(exc).__name__}")
    return LeftOut(0, "bad_value", f"{name}: done")

def grow():
    with os.fdopen(os.memfd_create("x"), "wb") as file:
        file.write(b"x" * 100)

def read(file, brief):
    yield LeftOut(0, "bad_value", "environment: " + ",".join(sorted(os.environ)))
    yield attempt("socket", lambda: socket.create_connection(("127.0.0.1", %d), 1))
    yield attempt("program", lambda: subprocess.run(["/bin/true"]))
    yield attempt("fork", os.fork)
    yield attempt("write", lambda: open("%s", "w"))
    yield attempt("grow", grow)
    yield attempt("files", lambda: [os.dup(0) for _ in range(100)])
    yield attempt("memory", lambda: bytearray(2 * 1024**3))

table.READERS["csv"] = read
"""


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch) -> object:
    """Have the child run this first."""

    def put(code: str) -> None:
        boot = (
            "import sys; sys.path.insert(0, sys.argv[1]); import signal; "
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
            f"exec({textwrap.dedent(code)!r}); "
            "from exchange.incoming.reading.child import main; main(int(sys.argv[2]))"
        )
        monkeypatch.setattr(parents, "_BOOT", boot)

    return put


PRINTS = """
import os
from exchange.incoming.rows import LeftOut
from exchange.incoming.sources import table

def read(file, brief):
    for detail in ("before", "after"):
        yield LeftOut(0, "bad_value", detail)
        print("how far it is", flush=True)
        os.write(1, b"100%" * 1_000)

table.READERS["csv"] = read
"""


def test_what_a_library_prints_is_no_row(tmp_path: Path, instead: object) -> None:
    assert callable(instead)
    instead(PRINTS)
    items = read_in_child(write(tmp_path / "a.csv", rows(1)), "csv", MAPPING)
    assert [item.detail for item in items if isinstance(item, LeftOut)] == ["before", "after"]


@pytest.mark.slow
def test_a_parquet_file_that_takes_a_while_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.execute(
        "COPY (SELECT uuid()::VARCHAR AS id, now()::TIMESTAMP AS timestamp, "
        "now()::TIMESTAMP AS \"ingestedAt\", 'pageview' AS event FROM range(60_000)) "
        f"TO '{path}' (FORMAT parquet)"
    )
    with open_source(path, "own") as reading:
        first = next(iter(reading))
        time.sleep(2.5)  # from then on the engine would show a bar
        rest = list(reading)
    assert len(rows_of([first, *rest])) == 60_000


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS bounds no memory")
def test_the_child_has_no_network_no_program_no_file_and_no_secret(
    tmp_path: Path, instead: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(instead)
    monkeypatch.setenv("SECRET_KEY", "very secret")
    instead(TRIES % (9, tmp_path / "written"))
    items = read_in_child(write(tmp_path / "a.csv", rows(1)), "csv", MAPPING)
    said = dict(item.detail.split(": ", 1) for item in items if isinstance(item, LeftOut))
    assert set(said.pop("environment").split(",")) <= {"LANG", "LC_ALL", "PATH", "LC_CTYPE"}
    assert said == {
        "socket": "PermissionError",
        "program": "PermissionError",
        "fork": "PermissionError",
        "write": "PermissionError",
        "grow": "OSError",
        "files": "OSError",
        "memory": "MemoryError",
    }
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL); yield", "reader_died"),
        ("import os; os._exit(3); yield", "reader_died"),
        ("raise KeyError('a secret of the file'); yield", "reader_died"),
        ("x = [bytearray(10**8) for _ in range(100)]; yield", "out_of_memory"),
        ("import os; os.write(1, b'\\xff' * 100); yield", "reader_died"),
        ("import os; os.write(1, b'\\0\\0\\0\\1\\xc1'); yield", "reader_died"),
        ("while True: pass\n    yield", "too_slow"),
        ("import time; time.sleep(60); yield", "too_slow"),
        ("f = lambda: f(); f(); yield", "reader_died"),
    ],
    ids=[
        "killed", "left", "a fault", "too much memory", "noise", "a damaged frame", "busy",
        "asleep", "too deep",
    ],
)  # fmt: skip
def test_a_child_that_ends_otherwise_is_a_clear_reason(
    tmp_path: Path, instead: object, code: str, expected: str
) -> None:
    assert callable(instead)
    reader = f"""
from exchange.incoming.sources import table
from exchange.incoming.rows import ImportedRow
def read(file, brief):
    {code}
table.READERS["csv"] = read
"""
    instead(reader)
    error = fails(
        write(tmp_path / "a.csv", rows(1)),
        Limits(
            cpu_seconds=1 if "while" in code else 60,
            silent_seconds=3.0 if "sleep" in code else 60.0,
        ),
    )
    assert error.code == expected
    assert "secret" not in error.detail


def test_a_child_that_is_killed_from_outside_is_a_clear_reason(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", rows(50_000))
    with open_source(path, "csv", MAPPING) as reading:
        items = iter(reading)
        next(items)
        os.kill(reading._child.pid, signal.SIGKILL)
        with pytest.raises(SourceError, match="reader_died"):
            for _ in items:
                pass


@pytest.mark.parametrize("byte", [b"\0", b"\n", b"a"])
def test_ten_gigabytes_of_one_byte_are_refused_soon(tmp_path: Path, byte: bytes) -> None:
    packed = gzip.compress(byte * 100 * MEBIBYTE, 1)
    path = write(tmp_path / "bomb.csv.gz", gzip.compress(rows(10_000).encode()))
    with path.open("ab") as file:
        for _ in range(103):
            file.write(packed)
    # Blank lines are nothing to give, so that it may be the silence which ends it.
    assert fails(path, Limits(silent_seconds=5.0)).code in ("unpacks_too_far", "too_slow")


def test_zeros_alone_are_no_text(tmp_path: Path) -> None:
    path = write(tmp_path / "zeros.gz", gzip.compress(bytes(100 * MEBIBYTE), 1))
    assert fails(path).code == "bad_encoding"


def test_zeros_in_a_zip_are_refused_soon(tmp_path: Path) -> None:
    path = tmp_path / "zeros.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr("a.csv", rows(10_000) + "\0" * 200 * MEBIBYTE)
    assert fails(path).code == "unpacks_too_far"


def test_a_hundred_thousand_columns_are_too_many(tmp_path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(100_000))
    assert fails(write(tmp_path / "a.csv", f"{header}\n{header}\n")).code == "too_many_columns"


def test_rows_of_a_hundred_thousand_cells_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "t,p\n" + ("," * 100_000 + "\n") * 50)
    with open_source(path, "csv", MAPPING) as reading:
        assert set(reasons_of(list(reading))) == {"bad_row"}
        assert reading.peak_bytes < 200 * MEBIBYTE


def test_what_does_not_cross_the_pipe_is_left_out(tmp_path: Path) -> None:
    mapping = Mapping(fields=MAPPING.fields, properties=["n"])
    good = '{"t":"2025-06-01","p":"/x","n":1}\n'
    path = write(tmp_path / "a.jsonl", good + good.replace("1}", "1" * 30 + "}") + good)
    assert reasons_of(read_in_child(path, "jsonl", mapping)) == [None, "too_large", None]
    assert reasons_of(guess(path, "jsonl", mapping).items) == [None, "too_large", None]


def test_formulas_are_texts_like_others(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "t,p,e\n2025-06-01,/x,\"=cmd|' /C calc'!A0\"\n")
    mapping = Mapping(fields={**MAPPING.fields, "event": "e"})
    assert rows_of(read_in_child(path, "csv", mapping))[0].event == "=cmd|' /C calc'!A0"


def parquet(path: Path, rows: int = 10) -> Path:
    with duckdb.connect() as engine:
        engine.execute(
            "COPY (SELECT '01923f6e-8a4b-7c3d-9e5f-0a1b2c3d4e5f' AS id, 1 AS timestamp, "
            f"2 AS ingestedAt, 'pageview' AS event, '/' AS path FROM range({rows})) "
            f"TO '{path}' (FORMAT parquet)"
        )
    return path


def test_a_parquet_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    whole = parquet(tmp_path / "whole.parquet", 1_000).read_bytes()
    for length in (4, 100, len(whole) // 2, len(whole) - 1):
        assert fails(write(tmp_path / "a.parquet", whole[:length])).code == "bad_parquet"


@pytest.mark.parametrize("rows", [2**31, 2**40, 9])
def test_a_parquet_that_says_other_rows_than_it_has_gives_no_false_ones(
    tmp_path: Path, rows: int
) -> None:
    path = parquet(tmp_path / "a.parquet", 10)
    content, honest = path.read_bytes(), b"\x16\x14"  # thrift: a field of 64 bits, 10 in zigzag
    at = content.rindex(honest, 0, content.rindex(b"\x19", 0, len(content)))
    number, lie = rows * 2, bytearray(b"\x16")
    while number >= 128:
        number, low = divmod(number, 128)
        lie.append(low | 128)
    lie.append(number)
    changed = content[:at] + bytes(lie) + content[at + 2 :]
    length = int.from_bytes(content[-8:-4], "little") + len(lie) - 2
    path.write_bytes(changed[:-8] + length.to_bytes(4, "little") + b"PAR1")
    with open_source(path, limits=Limits(cpu_seconds=10)) as reading:
        try:
            found = rows_of(list(reading))
        except SourceError as error:
            assert error.code in ("bad_parquet", "too_many_rows", "out_of_memory")
        else:
            assert len(found) <= 10
        assert reading.peak_bytes < 500 * MEBIBYTE


def test_a_parquet_of_other_columns_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with duckdb.connect() as engine:
        engine.execute(f"COPY (SELECT 1 AS a) TO '{path}' (FORMAT parquet)")
    assert fails(path).code == "wrong_source"


@pytest.mark.parametrize("reason", [*LEFT_OUT_REASONS, *SOURCE_ERRORS])
def test_every_reason_is_documented(reason: str) -> None:
    page = Path(__file__).parents[3] / "docs/imports-sources.md"
    assert f"`{reason}`" in page.read_text()
