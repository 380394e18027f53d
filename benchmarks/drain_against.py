"""The CPU time of the drain, beside that of another commit, in turn and in one run."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.spread import describe, describe_ratio
from benchmarks.stack import ROOT

Result = dict[str, Any]
PROGRAM = ROOT / "benchmarks" / "programs" / "drain_on_demand.py"


def run(*, quick: bool, against: str) -> Result:
    """CPU us an event of Python and MongoDB, 16 events in an entry; ratios are ours / theirs."""
    events, rounds = (40_000, 3) if quick else (100_000, 7)
    samples: dict[str, list[list[float]]] = {"ours": [], "reference": []}
    with ExitStack() as exits:
        other = exits.enter_context(checked_out(against))
        ways = {
            way: exits.enter_context(_running(folder))
            for way, folder in (("ours", ROOT), ("reference", other))
        }
        for turn in range(rounds):
            for way in sorted(ways, reverse=bool(turn % 2)):
                samples[way].append(_ask(ways[way], f"{events} 1 16"))
    of_ours, of_theirs = samples["ours"], samples["reference"]
    result: Result = {}
    for way, found in samples.items():
        for column, name in enumerate(("python_us", "mongod_us")):
            result |= describe(f"{name}_{way}", [sample[column] for sample in found])
    for name, cost_of in (("ratio_python", _of_python), ("ratio", _of_both)):
        result |= describe_ratio(name, [*map(cost_of, of_ours)], [*map(cost_of, of_theirs)])
    return {"drain_against": {**result, "samples": samples}}


def _of_python(sample: list[float]) -> float:
    return sample[0]


def _of_both(sample: list[float]) -> float:
    return sum(sample)


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A checkout of another commit, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="analytics-against-") as parent:
        folder = Path(parent) / "checkout"
        subprocess.run(
            ["git", "worktree", "add", "--quiet", "--detach", folder, commit], cwd=ROOT, check=True
        )
        try:
            yield folder
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", folder], cwd=ROOT, check=True)


@contextmanager
def _running(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, PROGRAM], cwd=folder, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout
        if process.stdout.readline() != "null\n":
            raise RuntimeError(f"the drain of {folder} does not start")
        yield process
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait(60)


def _ask(process: "subprocess.Popen[str]", line: str) -> list[float]:
    assert process.stdin and process.stdout
    process.stdin.write(line + "\n")
    process.stdin.flush()
    spent: list[float] = json.loads(process.stdout.readline())
    return spent
