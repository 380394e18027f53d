"""Go on with an import in a process that is killed at one step of it.

python -m tests.imports.dying IMPORT before:admit [TIMES]
"""

import os
import signal
import subprocess
import sys

from tests.columns.dying import _make_deadly, let_go
from tests.drain.kill_points import resolve
from tests.paths import ROOT

STEPS = {
    "ordinal": "exchange.incoming.ordinals.Ordinals.count",
    "block": "exchange.incoming.taking.write_block",
    "state": "exchange.incoming.taking.write_state",
    "read": "exchange.incoming.taking.finish_step",  # in its transaction
    "admit": "exchange.incoming.admitting.admit_imported",
    "save": "exchange.incoming.admitting.save_progress",  # in its transaction
    "done": "exchange.incoming.admitting.finish_step",  # in its transaction
}
POINTS = [
    "after:ordinal", "after:block", "before:state", "after:state", "after:read", "before:admit",
    "after:admit", "after:save", "after:done",
]  # fmt: skip


def die_at(point: str, import_id: str) -> None:
    """Go on with an import in a process that is killed at `point`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.imports.dying", import_id, point],
        cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    let_go()


def main(import_id: str, point: str) -> None:
    from exchange.incoming.run import IMPORTS
    from upkeep.jobs.engine import run_job

    moment, _, step = point.partition(":")
    if step != "never":  # who began it kills it
        owner, name = resolve(STEPS[step])
        setattr(owner, name, _make_deadly(getattr(owner, name), moment))
    run_job(IMPORTS, import_id)


if __name__ == "__main__":
    import django

    django.setup()
    main(*sys.argv[1:])
