"""Kill a worker at one step of its work: write `before:commit` into the file KILL_FILE.

Loaded by the workers of the crash tests (crashing_worker.py); the service itself knows nothing of
it. The process that dies removes the file first, so it dies once.
"""

import importlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEPS = {
    "read": "ingestion.drain.reader.Reader.next_batch",
    "prepare": "ingestion.drain.loop.prepare",
    "insert_events": "ingestion.store.transaction.insert_events",
    "insert_duplicates": "ingestion.store.transaction.insert_duplicates",
    "insert_dead_letters": "ingestion.store.transaction.insert_dead_letters",
    "insert_ledger_summaries": "ingestion.store.transaction.insert_ledger_summaries",
    "insert_summaries": "ingestion.store.transaction.insert_summaries",
    "insert_fresh": "ingestion.store.transaction.insert_fresh",
    "commit": "ingestion.store.transaction.commit",
    "ack": "ingestion.drain.acks.ack",
}


def install(kill_file: Path) -> None:
    """Wrap every step so that the process can die just before and just after it."""
    for step, dotted in STEPS.items():
        owner, name = resolve(dotted)
        setattr(owner, name, _make_deadly(getattr(owner, name), step, kill_file))
    _install_in_erasures(kill_file)


def _install_in_erasures(kill_file: Path) -> None:
    """Each step of an erasure, and `save_events` and so on: inside the transaction of the step."""
    from upkeep.erasure import run
    from upkeep.jobs import job as jobs

    strides: Any = run.ERASURES.strides
    for step, stride in strides.items():
        strides[step] = _make_deadly(stride, step, kill_file)
    save = jobs._save

    def deadly_save(job: jobs.Job, *args: Any) -> None:
        save(job, *args)
        _die_if_due(f"after:save_{job.step}", kill_file)

    vars(jobs)["_save"] = deadly_save


def _make_deadly(original: Callable[..., Any], step: str, kill_file: Path) -> Callable[..., Any]:
    def deadly(*args: Any, **kwargs: Any) -> Any:
        _die_if_due(f"before:{step}", kill_file)
        result = original(*args, **kwargs)
        if result != []:  # a read that found nothing is no step
            _die_if_due(f"after:{step}", kill_file)
        return result

    return deadly


def _die_if_due(point: str, kill_file: Path) -> None:
    try:
        due = kill_file.read_text() == point
        if due:
            kill_file.unlink()
    except FileNotFoundError:
        return
    if due:
        os.kill(os.getpid(), signal.SIGKILL)


def resolve(dotted: str) -> tuple[Any, str]:
    path, _, name = dotted.rpartition(".")
    try:
        return importlib.import_module(path), name
    except ModuleNotFoundError:
        module, _, attribute = path.rpartition(".")
        return getattr(importlib.import_module(module), attribute), name
