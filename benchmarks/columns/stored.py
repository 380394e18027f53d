"""Events in columns: loaded by the drain's own writer, exported and merged by the service's own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pymongo

from benchmarks.accepting.beside_reports import read_cpu_seconds
from benchmarks.reporting import LOADER, timed
from benchmarks.stack import ROOT, Stack

EXPORTER = "benchmarks.programs.export_columns"

Result = dict[str, Any]


def load_columns(stack: Stack, events: int, kind: str = "varied") -> Result:
    """Store events and bring them into segments, unless this folder has them.

    There what came later is brought into segments too, so that no tail is left. Per event: CPU us
    of exporting, of merging and of mongod beside them, and bytes of segments.
    """
    done = stack.folder / "columns-loaded.json"
    if done.exists():
        export(stack)
        return dict(json.loads(done.read_text()))
    stored_seconds = timed(lambda: load(stack, events, kind=kind))
    result = {"stored_per_second": events / stored_seconds, **export(stack)}
    done.write_text(json.dumps(result))
    return result


def load(stack: Stack, events: int, processes: int = 2, kind: str = "varied") -> None:
    started = [
        start(stack, LOADER, str(events), str(n), str(processes), kind) for n in range(processes)
    ]
    for process in started:
        if process.wait():
            raise RuntimeError("a loader failed")


def export(stack: Stack) -> Result:
    """Export all that is fresh and merge it."""
    used = read_cpu_seconds([stack.mongo.pid])
    exporter = start(stack, EXPORTER, stdout=subprocess.PIPE)
    printed, _ = exporter.communicate()
    if exporter.returncode:
        raise RuntimeError("the exporter failed")
    mongod_seconds = read_cpu_seconds([stack.mongo.pid]) - used
    took = json.loads(printed.splitlines()[-1])
    events = took["export"]["total"] or 1
    segments = list_segments(stack)
    return {
        "export_us_per_event": took["export"]["cpu_seconds"] * 1e6 / events,
        "merge_us_per_event": took["merge"]["cpu_seconds"] * 1e6 / events,
        "export_mongod_us_per_event": mongod_seconds * 1e6 / events,
        "exported_per_second": events / took["export"]["seconds"],
        "segments": len(segments),
        "bytes_per_event": sum(size for _, size, _ in segments)
        / sum(held for _, _, held in segments),
    }


def list_segments(stack: Stack) -> list[tuple[Path, int, int]]:
    """Of each listed segment its file, its bytes and its rows."""
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(stack.mongo.uri)
    with client:
        found = list(client.get_default_database()["column_segments"].find())
    folder = stack.folder / "columns"
    return [
        (
            folder / segment["_id"][:8].hex() / f"{segment['_id'][8:].hex()}.parquet",
            segment["bytes"],
            segment["rows"],
        )
        for segment in found
    ]


def start(stack: Stack, program: str, *arguments: str, **more: Any) -> subprocess.Popen[bytes]:
    environment = {**stack.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-m", program, *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, **more)
