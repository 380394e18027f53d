"""Ask for exports, run them, and read what they wrote with readers that are not ours."""

import base64
import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from analytics.databases import mongo
from analytics.databases.export_documents import ExportDocument
from analytics.databases.mongo import collection
from analytics.events.id_text import format_id, parse_id
from analytics.events.moments import format_moment
from columns.files.rows import PROJECTION, encode_row
from exchange.formats import ADDRESSES, TIMES
from exchange.outgoing.asking import parse_options
from exchange.outgoing.job import ask_export, file_of, find_export
from exchange.outgoing.run import EXPORTS
from tests.conftest import TestProject
from upkeep.jobs.engine import run_job

Row = dict[str, Any]


def ask(project: TestProject, format_: str = "jsonl", **options: Any) -> str:
    """The id of a new export that nobody has begun."""
    query = parse_options({"format": format_, **options}, UTC)
    return str(ask_export(project.id, project.row.partition, query, "a test")["_id"])


def run(project: TestProject, export_id: str) -> ExportDocument:
    run_job(EXPORTS, export_id)
    found = find_export(project.id, export_id)
    assert found is not None
    return found


def export(project: TestProject, format_: str = "jsonl", **options: Any) -> ExportDocument:
    """A finished one."""
    done = run(project, ask(project, format_, **options))
    assert done["step"] == "done", done
    assert "outcome" not in done, done
    return done


def read(done: ExportDocument) -> list[Row]:
    """The rows of its file as `stored` has them."""
    path, format_ = file_of(done), done["query"]["format"]
    rows = {"jsonl": _read_lines, "csv": _read_cells, "parquet": _read_parquet}[format_](path)
    return sorted(rows, key=lambda row: str(row["id"]))


def _read_lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _read_cells(path: Path) -> list[Row]:
    """The reader does not tell an empty text, which has quotes, from no value."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [_plain({name: value for name, value in row.items() if value}) for row in rows]


def _read_parquet(path: Path) -> list[Row]:
    with duckdb.connect() as engine:
        engine.execute("SET timezone = 'UTC'")
        found = engine.execute("SELECT * FROM read_parquet(?)", [str(path)])
        names = [column[0] for column in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return [_plain(_as_text(row)) for row in rows]


def _as_text(row: Row) -> Row:
    told = {name: value for name, value in row.items() if value is not None}
    for name in TIMES:
        told[name] = format_moment(told[name])
    told["id"] = format_id(told["id"])
    return {name: str(value) for name, value in told.items()}


def _plain(row: Row) -> Row:
    if "properties" in row:
        row["properties"] = json.loads(row["properties"])
    return row


def stored(project: TestProject, format_: str = "jsonl", *, addresses: bool = False) -> list[Row]:
    """The stored events of a project, as an export has them."""
    found = collection(mongo.EVENTS).find({"project": project.id}, PROJECTION)
    rows = [_of_stored(json.loads(encode_row(event))) for event in found]
    if addresses:
        by_id = {row["id"]: row for row in rows}
        fields = dict.fromkeys(ADDRESSES, 1)
        for event in collection(mongo.EVENTS).find({"project": project.id}, fields):
            row = by_id[format_id(bytes(event["_id"])[8:])]
            row.update({name: event[name] for name in ADDRESSES if name in event})
    if format_ == "csv":
        rows = [{name: value for name, value in row.items() if value != ""} for row in rows]
    return sorted(rows, key=lambda row: str(row["id"]))


def _of_stored(row: Row) -> Row:
    row.pop("place", None)
    row["id"] = format_id(base64.b64decode(row["id"]))
    for name in TIMES:
        row[name] = format_moment(datetime.fromtimestamp(row[name] / 1000, UTC))
    for name in ("visitor", "anonymous"):
        if name in row:
            row[name] = str(row[name])
    return _plain(row)


def list_ids(done: ExportDocument) -> list[bytes]:
    return [parse_id(row["id"]) for row in read(done)]
