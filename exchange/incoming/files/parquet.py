"""Rows of Parquet, by an engine that sees this one file and nothing else."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.limits import Limits

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PATH: Final = "/dev/fd/0"  # the standard input of the child
_BATCH_ROWS: Final = 500
_MEMORY_MIB: Final = 256


class ParquetFile:
    """The standard input as Parquet. Raises SourceError `bad_parquet`, and where a bound is hit."""

    def __init__(self, limits: Limits) -> None:
        self._engine = _open_engine()
        import duckdb

        self._errors = duckdb
        self.columns = self._look(limits)
        """Their names and the engine's types."""

    def _look(self, limits: Limits) -> dict[str, str]:
        rows, columns = self._ask(
            f"SELECT (SELECT sum(num_rows) FROM parquet_file_metadata('{_PATH}')), "
            f"(SELECT count(*) FROM parquet_schema('{_PATH}'))"
        )[0]
        if columns > limits.columns:
            raise SourceError("too_many_columns", f"{columns}, of {limits.columns} at most")
        if rows > limits.rows:
            raise SourceError("too_many_rows", f"{rows}, of {limits.rows} at most")
        described = self._ask(f"DESCRIBE SELECT * FROM read_parquet('{_PATH}')")
        return {name: kind for name, kind, *_ in described}

    def read(self, expressions: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """The values of SQL expressions in each row, in the order of the file."""
        try:
            result = self._engine.execute(
                f"SELECT {', '.join(expressions)} FROM read_parquet('{_PATH}')"
            )
            while rows := result.fetchmany(_BATCH_ROWS):
                yield from rows
        except self._errors.OutOfMemoryException:
            raise SourceError("out_of_memory", "a row group is too large") from None
        except self._errors.Error as exc:
            raise SourceError("bad_parquet", _shorten(exc)) from None

    def _ask(self, statement: str) -> list[Any]:
        try:
            return self._engine.execute(statement).fetchall()
        except self._errors.OutOfMemoryException:
            raise SourceError("out_of_memory", "its footer is too large") from None
        except self._errors.Error as exc:
            raise SourceError("bad_parquet", _shorten(exc)) from None


def _open_engine() -> "DuckDBPyConnection":
    import duckdb  # 66 MB, which the other sources have no use for

    engine = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "async_threads": 1,
            "memory_limit": f"{_MEMORY_MIB}MiB",
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
        },
    )
    engine.execute("SET python_enable_replacements = false")
    engine.execute(f"SET allowed_paths = ['{_PATH}']")
    engine.execute("SET enable_external_access = false")
    engine.execute("SET lock_configuration = true")
    return engine


def _shorten(exc: Exception) -> str:
    return str(exc).partition("\n")[0][:100]
