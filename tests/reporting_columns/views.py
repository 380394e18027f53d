"""Read views as a question does."""

import time
from datetime import datetime

from reporting.columns.read import in_snapshot, open_view
from reporting.columns.slots import Engine, run
from reporting.columns.view import View
from reporting.questions.window import UNBOUNDED, Window
from tests.conftest import TestProject


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def open_one(project: TestProject, window: Window = UNBOUNDED, zone: str | None = None) -> View:
    [view] = open_all(project, window, zone=zone)
    return view


def open_all(project: TestProject, *windows: Window, zone: str | None = None) -> list[View]:
    """Views of one moment."""
    return in_snapshot(
        project.id,
        lambda snapshot: [open_view(snapshot, project.id, each, zone) for each in windows],
    )


def read_paths(project: TestProject, view: View, window: Window = UNBOUNDED) -> list[str]:
    """The paths of the events that a view counts, in order, by what `View` promises."""

    def work(engine: Engine) -> list[str]:
        rows = _select(engine, [*view.segments, *view.tail])
        for part in view.stored:
            rows = [row for row in rows if not part.from_ms <= row[1] < part.to_ms]
        for part in view.stored:
            found = _select(engine, part.files)
            rows += [row for row in found if part.from_ms <= row[1] < part.to_ms]
        hidden = {(veil.user_id, veil.last_place) for veil in view.veils}
        return [
            path
            for path, ms, user, place in rows
            if not any(user == other and place <= last for other, last in hidden)
            and _is_in(ms, window)
        ]

    return sorted(run(project.id, soon(), work))


def _is_in(ms: int, window: Window) -> bool:
    def to_ms(moment: datetime) -> float:
        return moment.timestamp() * 1000

    return (window.start is None or ms >= to_ms(window.start)) and (
        window.end is None or ms < to_ms(window.end)
    )


def _select(
    engine: Engine, files: tuple[str, ...] | list[str]
) -> list[tuple[str, int, str, bytes]]:
    if not files:
        return []
    return engine.execute(
        'SELECT path, "timestamp", "userId", place FROM read_parquet(?, hive_partitioning = false)',
        [list(files)],
    ).fetchall()
