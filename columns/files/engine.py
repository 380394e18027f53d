"""DuckDB, locked down: it reads and writes the files of a few folders, and nothing else."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PATTERN: Final = re.compile(r"[*?\[]")

TEMP_FACTOR: Final = 8
"""What a question does not hold in memory may take so many times that much of the disk."""


def open_engine(
    *,
    memory_mb: int,
    threads: int,
    folders: Sequence[Path],
    temp_folder: Path,
    limit_seconds: float | None = None,
) -> "DuckDBPyConnection":
    """A database in memory, and a connection to it; `memory_mb` and `threads` are the database's.

    It sees the files in `folders`, however deep, and in `temp_folder`, where it keeps what does
    not fit into memory. A symbolic link out of them leads nowhere. Nothing is installed, nothing
    is loaded, and no statement changes any of this. A statement that takes longer than
    `limit_seconds` raises duckdb.InterruptException, one that needs more memory and disk than
    there are duckdb.OutOfMemoryException. Not to be used in a process forked after this.
    """
    import duckdb  # 66 MB, which who only accepts events has no use for

    engine = duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "async_threads": 1,  # there would be eight, for files that are far away
            "allocator_background_threads": True,  # what a question took is given back after it
            "memory_limit": f"{memory_mb}MiB",
            "temp_directory": str(temp_folder),
            "max_temp_directory_size": f"{memory_mb * TEMP_FACTOR}MiB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
        },
    )
    # In this order: each of them forbids more than the one before.
    allowed = ", ".join(map(quote, folders))
    engine.execute("SET python_enable_replacements = false")
    engine.execute(f"SET allowed_directories = [{allowed}]")
    if limit_seconds is not None:
        engine.execute(f"SET GLOBAL max_execution_time = {max(1, int(limit_seconds * 1000))}")
    engine.execute("SET enable_external_access = false")
    engine.execute("SET lock_configuration = true")
    return engine


def read_files(paths: Iterable[Path | str]) -> str:
    """What to select from Parquet files, each by its name.

    No name is a pattern, whose missing files nobody would notice, no folder's name is a column,
    and no column that one file lacks is null.
    """
    return f"read_parquet([{list_names(paths)}], hive_partitioning = false, union_by_name = false)"


def list_names(paths: Iterable[Path | str]) -> str:
    """The names of files as texts of SQL, where a pattern might stand."""
    return ", ".join(quote(_PATTERN.sub(r"[\g<0>]", str(path))) for path in paths)


def quote(path: Path | str) -> str:
    """A path as a text of SQL."""
    return "'" + str(path).replace("'", "''") + "'"
