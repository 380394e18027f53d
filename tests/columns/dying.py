"""Work on the columns in a process that is killed at one step of it.

python -m tests.columns.dying columns.merge.merge_project PROJECT before:apply
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from analytics.databases import mongo
from tests.drain.kill_points import resolve
from tests.paths import ROOT

STEPS = {
    "begin": "columns.change.SegmentWriter.__init__",
    "draw": "columns.writer.SegmentWriter._draw_id",
    "copy": "columns.writer.file_digest",
    "apply": "columns.change.Change.apply",
    "advance": "columns.change.advance",  # these two in the transaction
    "adopt": "columns.writer.SegmentWriter.adopt",
}
POINTS = [
    "after:begin", "after:draw", "after:copy", "before:apply", "after:adopt", "after:apply",
]  # fmt: skip


def die_at(point: str, work: str, project_id: bytes) -> None:
    """Do `work`, a dotted name, for a project, in a process that is killed at `point`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.columns.dying", work, project_id.hex(), point],
        cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    let_go()


def let_go() -> None:
    """End what the dead left open. MongoDB itself does so, too, some 15 seconds later."""
    mongo.client().admin.command("killAllSessions", [])


def _make_deadly(original: Callable[..., Any], moment: str) -> Callable[..., Any]:
    def deadly(*args: Any, **kwargs: Any) -> Any:
        if moment == "after":
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return deadly


def main(work: str, project_hex: str, point: str) -> None:
    moment, _, step = point.partition(":")
    owner, name = resolve(STEPS[step])
    setattr(owner, name, _make_deadly(getattr(owner, name), moment))
    owner, name = resolve(work)
    getattr(owner, name)(bytes.fromhex(project_hex))


if __name__ == "__main__":
    import django

    django.setup()
    main(*sys.argv[1:])
