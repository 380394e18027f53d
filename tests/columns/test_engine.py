"""The engine reads and writes its folders and nothing else, within its memory, disk and time."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from columns.files.engine import open_engine

ENDLESS = "SELECT count(*) FROM range(100000000000) t(i) WHERE hash(i) % 5 = 1"
SOON_SECONDS = 30.0  # of a machine that does much else: the statement takes minutes
# A window over everything holds everything.
HUGE = "SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY hash(i)) r FROM range({}) t(i))"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a name of which each character means something to SQL or to a pattern."""
    folder = tmp_path / "it's [a] *" / "seg"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def engine(folder: Path, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_engine(
        memory_mb=64, threads=1, folders=[folder], temp_folder=tmp_path / "temp"
    ) as engine:
        yield engine


def write(engine: duckdb.DuckDBPyConnection, path: Path, select: str = "SELECT 1 AS i") -> Path:
    quoted = str(path).replace("'", "''")
    engine.execute(f"COPY ({select}) TO '{quoted}' (FORMAT parquet)")
    return path


def read(engine: duckdb.DuckDBPyConnection, *paths: Path) -> list[tuple[object, ...]]:
    files = [str(path) for path in paths]
    statement = "SELECT * FROM read_parquet(?, hive_partitioning = false)"
    return engine.execute(statement, [files]).fetchall()


def test_a_file_in_the_folder_is_written_and_read(
    engine: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    assert read(engine, write(engine, folder / "one.parquet")) == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_text('/proc/self/environ')",
        "COPY (SELECT 1) TO '{outside}/out.parquet'",
        "COPY (SELECT 1) TO '{folder}/../out.parquet'",
        "SELECT * FROM read_text('{folder}/../secret')",
        "SELECT * FROM read_text('{folder}/link')",
        "SELECT * FROM read_text('{folder}ment/secret')",
        "EXPORT DATABASE '{outside}/out'",
        "ATTACH '{outside}/out.db'",
        "SELECT * FROM read_parquet('https://example.com/x.parquet')",
        "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE PERSISTENT SECRET (TYPE s3)",
    ],
)
def test_nothing_else_is_reached(
    engine: duckdb.DuckDBPyConnection, folder: Path, tmp_path: Path, statement: str
) -> None:
    beside = folder.with_name("segment")
    beside.mkdir()
    for secret in (folder.with_name("secret"), beside / "secret", tmp_path / "secret"):
        secret.write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    quoted = str(folder).replace("'", "''")

    with pytest.raises(duckdb.PermissionException):
        engine.execute(statement.format(folder=quoted, outside=tmp_path)).fetchall()


@pytest.mark.parametrize(
    "statement",
    [
        "SET enable_external_access = true",
        "SET memory_limit = '1TB'",
        "SET threads = 64",
        "SET allowed_directories = ['/']",
        "SET autoload_known_extensions = true",
        "SET max_execution_time = 0",
        "SET TimeZone = 'Europe/Berlin'",
        "RESET lock_configuration",
        "PRAGMA temp_directory = '/'",
    ],
)
def test_no_statement_changes_a_setting(engine: duckdb.DuckDBPyConnection, statement: str) -> None:
    with pytest.raises(duckdb.InvalidInputException, match="locked"):
        engine.execute(statement)


def test_nothing_is_installed_or_loaded_by_itself(engine: duckdb.DuckDBPyConnection) -> None:
    found = engine.execute(
        "SELECT name, value FROM duckdb_settings() WHERE name IN ('autoinstall_known_extensions',"
        " 'autoload_known_extensions', 'allow_community_extensions') AND value <> 'false'"
    )

    assert found.fetchall() == []


def test_a_variable_of_the_program_is_no_table(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    secret = duckdb.connect().sql("SELECT 42")

    with pytest.raises(duckdb.CatalogException, match="secret"):
        engine.execute("SELECT * FROM secret")
    secret.close()


@pytest.mark.slow
def test_a_statement_gets_no_more_memory_and_disk_than_agreed(folder: Path, tmp_path: Path) -> None:
    temp = tmp_path / "temp"
    with open_engine(memory_mb=32, threads=1, folders=[folder], temp_folder=temp) as engine:
        with pytest.raises(duckdb.OutOfMemoryException, match="max_temp_directory_size"):
            engine.execute(HUGE.format(10**9)).fetchall()

        assert engine.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.slow
def test_what_does_not_fit_into_memory_is_kept_on_disk_meanwhile(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    assert engine.execute(HUGE.format(5_000_000)).fetchall() == [(5_000_000,)]


def test_a_statement_ends_with_its_time(folder: Path, tmp_path: Path) -> None:
    with open_engine(
        memory_mb=64,
        threads=1,
        folders=[folder],
        temp_folder=tmp_path / "temp",
        limit_seconds=0.2,
    ) as engine:
        begun = time.monotonic()
        with pytest.raises(duckdb.InterruptException):
            engine.execute(ENDLESS).fetchall()
        with engine.cursor() as cursor, pytest.raises(duckdb.InterruptException):
            cursor.execute(ENDLESS).fetchall()
        assert time.monotonic() - begun < SOON_SECONDS
        assert engine.execute("SELECT 1").fetchall() == [(1,)]


def test_a_statement_is_interrupted_from_another_thread(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    done = threading.Event()

    def interrupt() -> None:
        while not done.wait(0.1):  # what is said before the statement has begun is lost
            engine.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()

    begun = time.monotonic()
    try:
        with pytest.raises(duckdb.InterruptException):
            engine.execute(ENDLESS).fetchall()
    finally:
        done.set()
        thread.join()

    assert time.monotonic() - begun < SOON_SECONDS
    assert engine.execute("SELECT 1").fetchall() == [(1,)]


def test_a_missing_file_of_a_list_is_an_error(
    engine: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    there = write(engine, folder / "there.parquet")

    with pytest.raises(duckdb.IOException, match=r"missing\.parquet"):
        read(engine, there, folder / "missing.parquet")


def test_a_column_that_one_file_lacks_is_an_error(
    engine: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    whole = write(engine, folder / "whole.parquet", "SELECT 1 AS i, 2 AS j")
    narrow = write(engine, folder / "narrow.parquet", "SELECT 1 AS i")

    with pytest.raises(duckdb.Error, match="j"):
        read(engine, whole, narrow)


def test_the_name_of_a_folder_is_no_column(engine: duckdb.DuckDBPyConnection, folder: Path) -> None:
    part = folder / "env=prod"
    part.mkdir()

    assert read(engine, write(engine, part / "one.parquet")) == [(1,)]


def test_an_engine_works_on_after_a_fork_and_the_child_makes_its_own(
    engine: duckdb.DuckDBPyConnection, folder: Path, tmp_path: Path
) -> None:
    statement = "SELECT count(DISTINCT hash(i)) FROM range(100000) t(i)"
    engine.execute(statement).fetchall()
    child = os.fork()
    if not child:
        code = 1
        try:
            own = open_engine(
                memory_mb=64, threads=2, folders=[folder], temp_folder=tmp_path / "temp"
            )
            code = 0 if own.execute(statement).fetchall() == [(100_000,)] else 2
        finally:
            os._exit(code)

    assert os.waitpid(child, 0) == (child, 0)
    assert engine.execute(statement).fetchall() == [(100_000,)]
