"""Drains a backlog for each line of input, with the code of the checkout that this runs in.

Run by `benchmarks.drain_against` in the root of a checkout, perhaps of an older one. A line is
EVENTS PROJECTS SHARED, as `fill` has them. The answer is a line of JSON: CPU us an event of this
process and of MongoDB. The first one, `null`, says that it is ready.
"""

import gc
import json
import os
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, os.getcwd())


def first_of(*names: str) -> Any:
    """The module by the first of its names that this checkout knows."""
    return import_module(next(name for name in names if _is_known(name)))


def _is_known(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def read_cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    stacks = import_module("benchmarks.stack")
    with stacks.open_stack(reference=False) as stack:
        os.environ |= {**stack.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
        import_module("django").setup()
        drain = first_of("ingestion.drain.loop", "ingestion.drain").drain
        fill = first_of("benchmarks.programs.fill", "benchmarks.fill").fill
        fill(20_000, 1, 16)
        drain(0, 3_600)  # what only the first batches pay for
        # As a worker does, of whatever release: its hooks have had several names.
        sys.setswitchinterval(0.001)
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        answers.write("null\n")
        for line in sys.stdin:
            events, projects, shared = map(int, line.split())
            fill(events, projects, shared)
            begun = time.process_time(), read_cpu_seconds(stack.mongo.pid)
            assert drain(0, 3_600).stored == events
            ended = time.process_time(), read_cpu_seconds(stack.mongo.pid)
            spent = [(end - begin) / events * 1e6 for begin, end in zip(begun, ended, strict=True)]
            answers.write(json.dumps(spent) + "\n")


if __name__ == "__main__":
    main()
