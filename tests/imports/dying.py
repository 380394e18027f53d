"""Go on with an import in a process that is killed at one step of it; see `tests/mortals.py`.

python -m tests.imports.dying IMPORT, where who began it kills it.
"""

import sys

from tests.drain.kill_points import resolve
from tests.mortals import make_deadly

IMPORTED = ("exchange.incoming.run",)
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


def act(point: str, import_id: str) -> None:
    from exchange.incoming.run import IMPORTS
    from upkeep.jobs.engine import run_job

    moment, _, step = point.partition(":")
    if step != "never":
        owner, name = resolve(STEPS[step])
        setattr(owner, name, make_deadly(getattr(owner, name), moment))
    run_job(IMPORTS, import_id)


if __name__ == "__main__":
    import django

    django.setup()
    act("after:never", sys.argv[1])
