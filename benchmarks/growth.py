"""Growth: how accepting and draining change with workers, stored events and projects."""

import json
from typing import Any

from benchmarks.accept import EVENT, empty
from benchmarks.drain import drain_ours
from benchmarks.load import post_for
from benchmarks.spread import describe
from benchmarks.stack import Stack, open_stack

Result = dict[str, Any]
Rates = dict[str, list[float]]


def run(*, quick: bool, large: bool) -> Result:
    """Events/s of each way, ours only; `large` goes on to ten million stored events."""
    events, rounds = (30_000, 1) if quick else (100_000, 3)
    stored = [0, 1_000_000, 10_000_000] if large else [0, 1_000_000]
    stored = [0, 100_000] if quick else stored
    rates: Rates = {}
    with open_stack(reference=False) as stack:
        for _ in range(rounds):
            for workers in (1, 2, 4):
                _note(rates, f"drain_{workers}_workers", _drain(stack, events, workers))
            for projects in (1, 1_000):
                _note(rates, f"drain_{projects}_projects", _drain(stack, events, 1, projects))
        for processes in (1, 2, 4):
            child, url = stack.start_web(processes)
            for _ in range(rounds):
                _note(rates, f"accept_{processes}_processes", _accept(stack, url))
            child.stop(15)
    with open_stack(reference=False) as stack:
        child, url = stack.start_web()
        held = 0
        for target in stored:
            while held < target:
                step = min(1_000_000, target - held)
                drain_ours(stack, step, 2, beat=True)
                held += step
            for _ in range(rounds):
                _note(rates, f"drain_at_{target}_stored", _drain(stack, events, 1))
                held += events
                _note(rates, f"accept_at_{target}_stored", _accept(stack, url))
    result: Result = {}
    for name, found in rates.items():
        result |= describe(name, found)
    return {"growth": result | {"samples": rates}}


def _note(rates: Rates, name: str, rate: float) -> None:
    rates.setdefault(name, []).append(rate)


def _drain(stack: Stack, events: int, workers: int, projects: int = 1) -> float:
    return drain_ours(stack, events, workers, projects=projects, beat=workers > 1)


def _accept(stack: Stack, url: str) -> float:
    load = post_for(f"{url}/event", stack.ingest_key, json.dumps(EVENT), 5, stack.folder)
    empty(stack)
    return load.requests_per_second
