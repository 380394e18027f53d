"""Go on with an export in a process that is killed at one step of it.

python -m tests.exchange.dying EXPORT before:append
"""

import os
import signal
import subprocess
import sys

from tests.columns.dying import _make_deadly, let_go
from tests.drain.kill_points import resolve
from tests.paths import ROOT

STEPS = {
    "pin": "exchange.outgoing.pinning.pin",  # in its transaction
    "pinned": "exchange.outgoing.pinning.pin_moment",
    "append": "exchange.outgoing.work.Work.append",
    "keep": "exchange.outgoing.work.Work.keep_groups",
    "save": "exchange.outgoing.rows.save_progress",  # in the transaction
    "close": "exchange.outgoing.writer.RowWriter.close",
    "finish": "exchange.outgoing.rows._finish",
    "sum": "exchange.outgoing.ending._sum",
    "name": "exchange.outgoing.ending.make_manifest",  # the file has its name by now
    "done": "exchange.outgoing.ending.finish_step",
    "tidy": "exchange.outgoing.ending.delete",
}
POINTS = [
    "after:pin", "after:pinned", "before:append", "after:append", "after:save", "after:close",
    "after:finish", "after:sum", "before:name", "after:done", "before:tidy",
]  # fmt: skip


def die_at(point: str, export_id: str) -> None:
    """Go on with an export in a process that is killed at `point`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.exchange.dying", export_id, point],
        cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    let_go()


def main(export_id: str, point: str) -> None:
    from exchange.outgoing.run import EXPORTS
    from upkeep.jobs.engine import run_job

    moment, _, step = point.partition(":")
    owner, name = resolve(STEPS[step])
    deadly = _make_deadly(getattr(owner, name), moment)
    setattr(owner, name, deadly)
    kind = EXPORTS
    if step == "pinned":
        kind.strides["pin"] = deadly  # type: ignore[index]
    run_job(kind, export_id)


if __name__ == "__main__":
    import django

    django.setup()
    main(*sys.argv[1:])
