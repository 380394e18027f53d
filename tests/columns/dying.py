"""Work on the columns in a process that is killed at one step of it; see `tests/mortals.py`."""

from tests.drain.kill_points import resolve
from tests.mortals import make_deadly

IMPORTED = ("columns.export", "columns.merge", "duckdb")
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


def act(work: str, project_hex: str, point: str) -> None:
    """Do `work`, a dotted name, for a project."""
    moment, _, step = point.partition(":")
    owner, name = resolve(STEPS[step])
    setattr(owner, name, make_deadly(getattr(owner, name), moment))
    owner, name = resolve(work)
    getattr(owner, name)(bytes.fromhex(project_hex))
