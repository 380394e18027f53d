"""Segments as ClickHouse reads them: where it finds them, and what is in them."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from django.conf import settings

from analytics.databases.clickhouse import read_rows
from analytics.events.ids import PROJECT_ID_BYTES
from columns.files.layout import BYTES, FLAG, INTEGER, TEXT, TYPES, VISIT_TYPES

_ANEW: Final = {"use_cache_for_count_from_files": 0}  # or files that are gone are counted
_MOST_NAMES: Final = 2_000
_NAME: Final = re.compile(r"[\w-]+(?:/[\w-]+)*\.parquet", re.ASCII)
_TYPES: Final = {BYTES: "String", FLAG: "Bool", INTEGER: "Int64", TEXT: "String"}
_ALL: Final = TYPES | VISIT_TYPES


def name_of(segment_id: bytes) -> str:
    """The name of a segment's file below the folder."""
    return f"{segment_id[:PROJECT_ID_BYTES].hex()}/{segment_id[PROJECT_ID_BYTES:].hex()}.parquet"


def is_name(path: str) -> bool:
    """Whether it is one below CLICKHOUSE_FILES, and not the path of a file of this host."""
    return _NAME.fullmatch(path) is not None


def write_structure(columns: Iterable[str]) -> str:
    """Columns of the layout, each of which may be null, as ClickHouse declares them."""
    return ", ".join(f'"{name}" Nullable({_TYPES[_ALL[name]]})' for name in columns)


def write_places(names: Sequence[str]) -> list[str]:
    """Patterns that name segments, by their names below CLICKHOUSE_FILES, and nothing else: each
    short enough to be sent as a parameter.

    A segment that is missing may be left out without a word, so whoever reads compares the rows.
    """
    assert all(map(is_name, names)), names
    place = settings.CLICKHOUSE_FILES or str(settings.COLUMNS_URL)
    folders: dict[str, list[str]] = {}
    for name in names:
        folder, _, file = f"{place}/{name}".rpartition("/")
        folders.setdefault(folder, []).append(file.removesuffix(".parquet"))
    return [
        f"{folder}/{_join(files[at : at + _MOST_NAMES])}.parquet"
        for folder, files in folders.items()
        for at in range(0, len(files), _MOST_NAMES)
    ]


def _join(files: Sequence[str]) -> str:
    return files[0] if len(files) == 1 else "{" + ",".join(files) + "}"


def read_place(parameter: str, columns: Iterable[str]) -> str:
    """What to select from segments: of `write_places`, by the name of the parameter that has it."""
    given = f"{{{parameter}:String}}, 'Parquet', '{write_structure(columns)}'"
    place = settings.CLICKHOUSE_FILES or str(settings.COLUMNS_URL)
    if not place.startswith(("http://", "https://", "s3://")):
        return f"file({given})"
    if settings.CLICKHOUSE_CLUSTER:
        return f"s3Cluster('{settings.CLICKHOUSE_CLUSTER}', {given})"
    return f"s3({given})"


def count_rows(names: Sequence[str], seconds: float) -> int:
    """How many rows of segments there are. Raises ClickHouseError."""
    there = 0
    for place in write_places(names):
        statement = f"SELECT toInt64(count()) FROM {read_place('place', ['timestamp'])}"
        _, [(rows,)] = read_rows(statement, {"place": place}, _ANEW, {}, seconds)
        there += rows
    return there
