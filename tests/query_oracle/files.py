"""Stored documents as files of columns, without stores."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import duckdb

from analytics.databases.mongo import Document
from analytics.events.ids import ms_of_datetime
from columns.files.days import day_of, index_days, list_midnights
from columns.files.layout import VISIT_TYPES
from columns.files.rows import encode_row, select_rows
from columns.files.visits import work_out
from tests.query_oracle.stories import Wire
from tests.stored import ENRICHED

NOW = datetime(2026, 11, 26, 12, 34, 56, tzinfo=UTC)
PROJECT = b"oracle12"

_numbers = count()


def as_stored(number: int, event: Wire) -> Document:
    moment = event["timestamp"]
    moment = NOW - moment if isinstance(moment, timedelta) else moment
    found = {name: value for name, value in event[ENRICHED].items() if value is not None}
    found |= {name: value for name, value in event.items() if name != ENRICHED}
    return found | {
        "_id": PROJECT + number.to_bytes(16, "big"),
        "place": number.to_bytes(14, "big"),
        "timestamp": moment,
        "ingestedAt": moment,
    }


def as_projected(document: Document) -> Document:
    """As `columns.files.rows.PROJECTION` asks for it."""
    times = {name: ms_of_datetime(document[name]) for name in ("timestamp", "ingestedAt")}
    return document | times


def write_file(
    engine: duckdb.DuckDBPyConnection, folder: Path, documents: list[Document], zone: str = ""
) -> tuple[str, ...]:
    """With the visits of a `zone`, worked out from these documents alone, where it is said."""
    if not documents:
        return ()
    lines = folder / f"{next(_numbers)}.jsonl"
    lines.write_bytes(b"".join(encode_row(as_projected(found)) + b"\n" for found in documents))
    made = lines.with_suffix(".parquet")
    rows = select_rows(lines)
    if zone:
        rows = work_out(f"({rows})", find_days(documents, zone), VISIT_TYPES)
    engine.execute(f"COPY ({rows}) TO '{made}' (FORMAT parquet)")
    return (str(made),)


def find_days(documents: list[Document], zone: str) -> str:
    """The SQL that tells the local days of these documents apart."""
    first, last = span_of(documents)
    return index_days(list_midnights(day_of(first, zone), day_of(last - 1, zone), zone))


def span_of(documents: list[Document]) -> tuple[int, int]:
    """Unix milliseconds, without the last."""
    moments = [ms_of_datetime(found["timestamp"]) for found in documents]
    return min(moments, default=0), max(moments, default=-1) + 1
