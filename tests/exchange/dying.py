"""Go on with an export in a process that is killed at one step of it; see `tests/mortals.py`."""

from tests.drain.kill_points import resolve
from tests.mortals import make_deadly

IMPORTED = ("exchange.outgoing.run", "duckdb")
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


def act(point: str, export_id: str) -> None:
    from exchange.outgoing.run import EXPORTS
    from upkeep.jobs.engine import run_job

    moment, _, step = point.partition(":")
    owner, name = resolve(STEPS[step])
    deadly = make_deadly(getattr(owner, name), moment)
    setattr(owner, name, deadly)
    kind = EXPORTS
    if step == "pinned":
        kind.strides["pin"] = deadly  # type: ignore[index]
    run_job(kind, export_id)
