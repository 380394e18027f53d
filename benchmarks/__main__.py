"""`python -m benchmarks [--part NAME] [--quick] [--large] [--against COMMIT] [--json FILE]`.

Of parts that ask what is stored: `--fill` stores it in BENCH_DATA_DIR, and asks nothing yet.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import (
    accept,
    drain,
    drain_against,
    end_to_end,
    freshness,
    growth,
    latency,
    memory,
    million_paths,
    reporting,
)
from benchmarks.accepting import beside_reports, doors, limit, many_keys
from benchmarks.columns import (
    behind,
    beside,
    bucket,
    engines,
    export,
    late,
    leaving,
    projects,
    questions,
    today,
)
from benchmarks.footprint import part as footprint
from benchmarks.load import NoGenerator
from benchmarks.pages import dashboard
from benchmarks.pages.browser import NoBrowser

PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "accept_single": accept.run_single,
    "accept_batch": accept.run_batches,
    "accept_public": accept.run_public,
    "limit": limit.run,
    "many_keys": many_keys.run,
    "doors": doors.run,
    "accept_beside_reports": beside_reports.run,
    "end_to_end": end_to_end.run,
    "drain": drain.run,
    "latency": latency.run,
    "memory": memory.run,
    "footprint": footprint.run,
    "growth": growth.run,
    "summaries_cost": drain.run_summaries_cost,
    "reporting": reporting.run,
    "million_paths": million_paths.run,
    "freshness": freshness.run,
    "questions": questions.run,
    "engines": engines.run,
    "export": export.run,
    "leaving": leaving.run,
    "projects": projects.run,
    "exporters_beside": beside.run,
    "bucket": bucket.run,
    "today": today.run,
    "late": late.run,
    "behind": behind.run,
    "dashboard": dashboard.run,
}

# These store ten million events, which takes half an hour: asked for by name, or by --large.
LARGE_PARTS = ("growth", "reporting", "questions", "dashboard", "late")
FILLED_PARTS = ("questions", "dashboard", "today")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--part", choices=PARTS, help="only this part; all of them otherwise")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--large", action="store_true", help="up to ten million stored events")
    parser.add_argument("--fill", action="store_true", help="only store, in BENCH_DATA_DIR")
    parser.add_argument("--only", help="of `questions` those whose name has this text")
    parser.add_argument("--against", help="the drain's CPU time also beside that of this commit")
    parser.add_argument("--json", type=Path, help="write all figures and samples to this file")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    for name in [options.part] if options.part else PARTS:
        more: dict[str, Any] = {}
        if name in LARGE_PARTS:
            more["large"] = options.large or options.part == name
        if name in FILLED_PARTS:
            more["fill"] = options.fill
        if name == "questions":
            more["only"] = options.only or ""
        try:
            results |= PARTS[name](quick=options.quick, **more)
            if name == "drain" and options.against:
                results |= drain_against.run(quick=options.quick, against=options.against)
        except (NoGenerator, NoBrowser) as exc:
            sys.exit(str(exc))
    for name, result in results.items():
        print(name)
        for key, value in result.items():
            if not key.endswith("samples"):
                print(
                    f"  {key:<24}{value:>14,.2f}"
                    if isinstance(value, float)
                    else f"  {key:<24}{value!s:>14}"
                )
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
