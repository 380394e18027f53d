"""Exports: CPU for each event and the most memory of the process, of few events and of many."""

import json
import subprocess
from typing import Any

from benchmarks.columns.stored import load_columns, start
from benchmarks.stack import Stack, open_stack

Result = dict[str, Any]

PROGRAM = "benchmarks.programs.export_events"
FORMATS = ("jsonl", "csv", "parquet", "parquet-filtered", "csv-addresses")
_COPIES = 40  # of what is stored: the segments are listed so often


def run(*, quick: bool) -> Result:
    """Each format once as it is stored and once with as many events as the copies make."""
    events, copies = (50_000, 4) if quick else (250_000, _COPIES)
    with open_stack(reference=False) as stack:
        load_columns(stack, events)
        few = {format_: _export(stack, format_, 1) for format_ in FORMATS}
        many = {format_: _export(stack, format_, copies) for format_ in FORMATS[:-1]}
    return {"leaving": {"events": events, "copies": copies, "few": few, "many": many}}


def _export(stack: Stack, format_: str, copies: int) -> Result:
    process = start(stack, PROGRAM, format_, str(copies), stdout=subprocess.PIPE)
    printed, _ = process.communicate()
    if process.returncode:
        raise RuntimeError("the export failed")
    return dict(json.loads(printed.splitlines()[-1]))
