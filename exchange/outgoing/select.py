"""The SQL of a file's rows: which events, and how each of their values is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from analytics.databases.export_formats import Format
from columns.files.engine import quote
from columns.files.layout import BYTES, INTEGER, TEXT
from exchange.formats import (
    ADDRESSES,
    FORMULA,
    HASHES,
    JSON_TEXTS,
    TIMES,
    list_columns,
)
from reporting.columns.dialect.inputs import Events, Inputs
from reporting.columns.dialect.values import Arguments
from reporting.columns.view import Veil, View
from reporting.questions.conditions import Condition
from reporting.questions.table import Span
from reporting.questions.window import Window

_ROW_GROUP: Final = "ROW_GROUP_SIZE 16384"
_COPIES: Final[dict[Format, str]] = {
    # A line is one text of JSON, in which every control character is escaped.
    "jsonl": "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01'",
    "csv": "FORMAT csv, HEADER false",
    "parquet": f"FORMAT parquet, COMPRESSION zstd, {_ROW_GROUP}",
}


@dataclass(frozen=True, slots=True)
class Passing:
    """Which events of a file pass."""

    window: Window
    condition: Condition | None
    veils: tuple[Veil, ...]

    def select(self, path: str, arguments: Arguments) -> str:
        """The rows of a file that pass, all their columns."""
        view = View(
            segments=(path,), tail=(), stored=(), veils=self.veils,
            fresh_as_of=None, key=None, rows=0,  # type: ignore[arg-type]
        )  # fmt: skip
        inputs = Inputs(
            Events(view=view, span=Span(window=self.window), bots="included", arguments=arguments)
        )
        passes = inputs.test(self.condition)
        return f"SELECT * FROM {inputs.rows()} WHERE {passes}"


@dataclass(frozen=True, slots=True)
class Writing:
    """How rows are written."""

    format: Format
    with_addresses: bool
    spreadsheet: bool

    def copy(self, rows: str, to: str) -> str:
        """The statement that writes rows, which have the columns of layout.TYPES, into a file."""
        return f"COPY ({self.select(rows)}) TO {quote(to)} ({_COPIES[self.format]})"

    def select(self, rows: str) -> str:
        columns = list_columns(with_addresses=self.with_addresses)
        if self.format == "jsonl":
            parts = " || ".join(_member(name, kind) for name, kind in columns.items())
            return f"SELECT '{{' || {parts} || '}}' FROM ({rows})"
        if self.format == "csv":
            cells = (f'{self._cell(name, kind)} AS "{name}"' for name, kind in columns.items())
            return f"SELECT {', '.join(cells)} FROM ({rows})"
        names = ", ".join(f'"{name}"' for name in columns)
        nothing = ", ".join(f"CAST(NULL AS {kind})" for kind in columns.values())
        # Columns that the engine knows to have no null it would write otherwise, and row groups of
        # one file have to be alike.
        return f"SELECT {names} FROM ({rows}) UNION ALL SELECT {nothing} WHERE random() > 2"

    def _cell(self, name: str, kind: str) -> str:
        value = _text(name, kind)
        if self.spreadsheet and kind == TEXT:  # people chose the value
            is_formula = f"regexp_matches({value}, '{_FORMULA}')"
            return f"CASE WHEN {is_formula} THEN '''' || {value} ELSE {value} END"
        return value

    def header(self) -> bytes:
        """What a file begins with."""
        if self.format != "csv":
            return b""
        return (",".join(list_columns(with_addresses=self.with_addresses)) + "\n").encode()


_FORMULA: Final = FORMULA.replace("'", "''")


def with_addresses(rows: str, addresses: str) -> str:
    """Rows with what their stored events say: the lines of a file, one for each row, in order."""
    columns = ", ".join(f"{name}: 'VARCHAR'" for name in ADDRESSES)
    lines = (
        f"read_json({quote(addresses)}, format = 'newline_delimited', records = true, "
        f"columns = {{{columns}}})"
    )
    return f"SELECT * FROM ({rows}) POSITIONAL JOIN {lines}"


def page(rows: str, offset: int, limit: int) -> str:
    """Some of the rows, in the order of their file."""
    return f"SELECT * FROM ({rows}) LIMIT {limit:d} OFFSET {offset:d}"


def _member(name: str, kind: str) -> str:
    """A member of an object, with the comma before it; none where the event has no value."""
    if name == "id":
        return f"'\"id\":\"' || {_text(name, kind)} || '\"'"
    if name in JSON_TEXTS:
        value = f'"{name}"'
    elif name in TIMES or name in HASHES:
        value = f"'\"' || {_text(name, kind)} || '\"'"
    elif kind == INTEGER:
        value = f'CAST("{name}" AS VARCHAR)'
    else:
        value = f'to_json("{name}")'
    return f"coalesce(',\"{name}\":' || {value}, '')"


def _text(name: str, kind: str) -> str:
    if name in TIMES:
        return f"strftime(make_timestamp_ms(\"{name}\"), '%Y-%m-%dT%H:%M:%S.%gZ')"
    if kind == BYTES:
        digits = f'lower(hex("{name}"))'
        parts = ", ".join(f"{digits}[{at}:{end}]" for at, end in _UUID)
        return (
            f"CASE WHEN octet_length(\"{name}\") = 16 THEN concat_ws('-', {parts}) "
            f"ELSE {digits}[:2] || ':' || {digits}[3:] END"
        )
    return f'CAST("{name}" AS VARCHAR)' if kind == INTEGER else f'"{name}"'


_UUID: Final[Sequence[tuple[int, int]]] = ((1, 8), (9, 12), (13, 16), (17, 20), (21, 32))
