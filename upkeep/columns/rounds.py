"""Rounds over the projects whose columns have something to do, side by side with other processes.

Each takes a stride of every project in turn that nobody else works on (upkeep/jobs/leases.py),
until the time is up, and tells whether work is left.
What fails in a project rests (upkeep/jobs/setbacks.py); a folder that cannot be used is nobody's
fault, and raises ColumnsUnavailable before anything is tried.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog

from analytics.databases import mongo
from analytics.databases.column_documents import ColumnHeadDocument, SegmentDocument
from analytics.databases.documents import ProjectRow, typed
from analytics.databases.transactions import Conflict, repeat
from analytics.events.ids import ms_of_datetime
from analytics.projects.horizon import columns_horizon
from analytics.projects.models import Project
from analytics.remembered import forgets
from columns.export import DUE_EVENTS, export_project, list_due
from columns.files.folder import make_folder
from columns.files.scratch import remove_left
from columns.garbage import collect_entry, list_garbage
from columns.merge import list_merges, merge_project
from columns.rewrite import cut_before, export_old, note_damage, repair_next
from columns.segments import DamagedSegment
from columns.stored import EVER_MS
from upkeep.jobs.leases import lease_project
from upkeep.jobs.setbacks import (
    COLLECT_FILES,
    CUT_COLUMNS,
    EXPORT_COLUMNS,
    EXPORT_OLD_EVENTS,
    MERGE_COLUMNS,
    REPAIR_COLUMNS,
    Turns,
    run_each,
)

log = structlog.get_logger(__name__)

BUDGET_SECONDS: Final = 5.0
"""Of one run, and the stride in hand."""
CUT_EVERY: Final = timedelta(days=1)
LOOK_SHARE: Final = 0.02
"""Of the time goes into looking whether anything is due, where a look takes long and finds none."""
MOST_PAUSE_SECONDS: Final = 10.0
"""Between two such looks, however long they take."""

_SHORT_SECONDS: Final = 0.05

Stride = Callable[[bytes], bool]  # of a project; whether it has work left


_next_look: list[float] = []
forgets(_next_look.clear)


def has_due() -> bool:
    """Whether anything is worth a segment: asked often, so it costs next to nothing at rest.

    What is fresh of many projects is many documents, all of which are looked at: a process that
    found nothing in them does it seldomer then, and says no meanwhile. `tend_columns` looks in any
    case.
    """
    begun = time.monotonic()
    if begun < max(_next_look, default=0.0):
        return False
    found = list_due(datetime.now(UTC))
    ended = time.monotonic()
    took = ended - begun
    pause = 0.0 if found or took <= _SHORT_SECONDS else took / LOOK_SHARE
    _next_look[:] = [ended + min(pause, MOST_PAUSE_SECONDS)]
    return bool(found)


class Round:
    """One run: until when, and how it calls another process to its side, once."""

    def __init__(self, budget_seconds: float, ask_for_help: Callable[[], object] | None) -> None:
        self.deadline = time.monotonic() + budget_seconds
        self._ask_for_help = ask_for_help

    def call(self) -> None:
        if self._ask_for_help:
            self._ask_for_help()
            self._ask_for_help = None


def export_columns(
    budget_seconds: float = BUDGET_SECONDS, ask_for_help: Callable[[], object] | None = None
) -> bool:
    """Export fresh events of the projects that are due.

    Where there is more than one to work on `ask_for_help` is called, for another process.
    """
    return _export(Round(budget_seconds, ask_for_help))


def tend_columns(
    budget_seconds: float = BUDGET_SECONDS, ask_for_help: Callable[[], object] | None = None
) -> bool:
    """Everything else, after what is due to be exported, which waits for nothing."""
    run = Round(budget_seconds, ask_for_help)
    left: list[bool] = []

    def take_round(work: Callable[[Round], bool]) -> None:
        left.append(work(run))

    rounds = (_export, _merge, _repair, _export_old, _cut)
    run_each(*(partial(take_round, work) for work in rounds), collect_files)
    return any(left)


def _export(run: Round) -> bool:
    tails = {tail.project_id: tail.events for tail in list_due(datetime.now(UTC))}

    def export(project_id: bytes) -> bool:
        exported = repeat(lambda: export_project(project_id))
        tails[project_id] -= exported
        return exported > 0 and tails[project_id] >= DUE_EVENTS  # another may have been faster

    return _take_turns(EXPORT_COLUMNS, list(tails), export, run)


def _merge(run: Round) -> bool:
    found = [loose.project_id for loose in list_merges(datetime.now(UTC))]

    def merge(project_id: bytes) -> bool:
        return repeat(lambda: merge_project(project_id)) > 0

    return _take_turns(MERGE_COLUMNS, found, merge, run)


def _repair(run: Round) -> bool:
    segments = typed(SegmentDocument, mongo.COLUMN_SEGMENTS)
    found = segments.distinct("project", {"damagedAt": {"$exists": True}})
    return _take_turns(REPAIR_COLUMNS, map(bytes, found), repair_next, run)


def _export_old(run: Round) -> bool:
    _note_late_projects()
    old = {"oldUntil": {"$exists": True}, "oldFrom": {"$lte": datetime.now(UTC)}}
    found = typed(ColumnHeadDocument, mongo.COLUMN_HEADS).find(old, {"_id": 1})
    return _take_turns(EXPORT_OLD_EVENTS, [bytes(head["_id"]) for head in found], export_old, run)


def _note_late_projects() -> None:
    """Projects that the release before made once `migrate` had noted all others: the same of them.

    Its workers may have stored events of theirs, and left nothing fresh.
    """
    heads = typed(ColumnHeadDocument, mongo.COLUMN_HEADS)
    noted = heads.find_one({"oldFrom": {"$exists": True}}, sort=[("oldFrom", -1)])
    if noted is None:
        return
    made = {"created_at": {"$lte": noted["oldFrom"]}, "deleted_at": None}
    rows = typed(ProjectRow, Project._meta.db_table).find(made, {"_id": 1})
    known = {bytes(head["_id"]) for head in heads.find({}, {"_id": 1})}
    for late in {bytes.fromhex(row["_id"]) for row in rows} - known:
        old = {"oldUntil": EVER_MS, "oldFrom": noted["oldFrom"]}
        heads.update_one(
            {"_id": late}, {"$setOnInsert": {"revision": 0, "generation": 0, **old}}, upsert=True
        )


def _cut(run: Round) -> bool:
    """Let go, once a day, what the retention of a project let go."""
    fields = dict.fromkeys(
        ("retention_days", "raw_since", "columns_retention_days", "columns_since"), 1
    )
    rows = typed(ProjectRow, Project._meta.db_table).find({"retention_days": {"$ne": None}}, fields)
    horizons = {
        bytes.fromhex(row["_id"]): columns_horizon(
            row["retention_days"],
            row.get("raw_since"),
            row.get("columns_retention_days"),
            row.get("columns_since"),
        )
        for row in rows
    }
    cut = {"$not": {"$gt": datetime.now(UTC) - CUT_EVERY}}
    found = typed(ColumnHeadDocument, mongo.COLUMN_HEADS).find(
        {"_id": {"$in": list(horizons)}, "cutAt": cut}, {"_id": 1}
    )

    def cut_project(project_id: bytes) -> bool:
        if horizon := horizons[project_id]:
            cut_before(project_id, ms_of_datetime(horizon))
        return False

    return _take_turns(CUT_COLUMNS, [bytes(head["_id"]) for head in found], cut_project, run)


def collect_files() -> None:
    """Delete the files that were replaced or never listed, and what killed processes left."""
    remove_left()
    if not (entries := list_garbage()):
        return
    make_folder()
    turns = Turns(COLLECT_FILES)
    for entry in turns.take(entries, lambda entry: str(entry["_id"]), 1_000):
        with turns.attempt(str(entry["_id"]), bytes(entry["project"])):
            collect_entry(entry)
    turns.end()


def _take_turns(work: str, projects: Iterable[bytes], stride: Stride, run: Round) -> bool:
    """A stride of each project in turn, at least one, while there is time; whether work is left.

    What another process works on is left to it.
    """
    turns = Turns(work)
    waiting = deque(project for project in projects if not turns.is_resting(project.hex()))
    if waiting:
        make_folder()
    while waiting:
        project_id = waiting.popleft()
        with lease_project(project_id) as entered:
            if not entered:
                continue
            if waiting:
                run.call()
            with turns.attempt(project_id.hex(), project_id):
                if _take_stride(work, project_id, stride):
                    waiting.append(project_id)
        if waiting and time.monotonic() > run.deadline:
            return True
    turns.end()
    return False


def _take_stride(work: str, project_id: bytes, stride: Stride) -> bool:
    try:
        return stride(project_id)
    except Conflict as exc:  # beat asks soon
        log.info("columns_left", work=work, project=project_id.hex(), error=str(exc)[:300])
        return False
    except DamagedSegment as exc:
        log.error("segment_damaged", segment=exc.segment.id.hex(), error=str(exc))
        note_damage(exc.segment)
        return False
