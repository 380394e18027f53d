"""Bring the events of an import into the stream, and wait until they are stored."""

import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict, durable_transaction
from analytics.events.entry import AcceptedEvent
from analytics.events.id_text import parse_id
from analytics.events.ids import make_place, parse_place
from analytics.projects.models import Project
from analytics.remembered import forgets
from exchange.incoming.job import Import
from exchange.incoming.spool import Taken, read_block
from exchange.incoming.trouble import ending_in_trouble
from ingestion.imports.admit import ERA, Outcome, admit_imported, fence, read_count
from upkeep.imports.ending import KEPT, end_for_good
from upkeep.imports.folder import delete_folder, folder_of
from upkeep.jobs.job import MakeRoom, MustWait, finish_step, save_progress
from upkeep.jobs.waiting import ANY_INDEX, find_waiting, read_last_entry

REST_SECONDS: Final = 0.1
LOOKS: Final = 20
PATIENCE_SECONDS: Final = 5.0
"""So long an import that others go before tries again at once; then it waits to be asked."""

RESTS: Final = 2
"""After so many in a row it makes room: it may be this process that has to store what waits."""

_held_up_since: dict[str, float] = {}
forgets(_held_up_since.clear)
_rests: Counter[str] = Counter()
forgets(_rests.clear)


def wait_for_yes(job: Import) -> None:
    """A dry run ends here."""
    if job.document["dryRun"]:
        end_for_good({"_id": job.id, "project": job.project_id}, "looked")
    elif job.document["confirmed"]:
        with durable_transaction() as session:
            finish_step(job, session, keptUntil=None)
    else:
        raise MustWait


def admit_block(job: Import) -> None:
    """One stride: one block, whole or not at all; after the last one the step is done.

    What Redis counted of the import tells whether the block was admitted already, by who died
    before it was noted: then it is noted now.
    """
    with ending_in_trouble(job):
        at = int(str(job.cursor or 0))
        block, following = read_block(folder_of(job.project_id, job.id), at)
        if not block:
            last = make_place(read_last_entry(job.partition), ANY_INDEX)
            with durable_transaction() as session:
                finish_step(job, session, lastPlace=last)
            return
        era, counted = divmod(read_count(job.project_id, job.partition, job.id), ERA)
        if era > job.document["era"]:
            raise Conflict("somebody was erased")
        imported = job.document["counts"]["imported"]
        left, erased = _leave_out_erased(job, block)
        if counted > imported:
            _save(job, following, counted - imported, erased, len(block))
            return
        new = _leave_out_stored(job, left)
        if new and not _admit(job, new, job.document["era"] * ERA + imported):
            return
        _save(job, following, len(new), erased, len(block))


def _admit(job: Import, new: list[Taken], count: int) -> bool:
    """Whether they are in the stream; what waits for others rests first."""
    project = Project.objects.get(pk=job.project_id.hex())
    if project.deleted_at is not None:
        end_for_good({"_id": job.id, "project": job.project_id}, "cancelled")
        return False
    if not project.is_active:
        raise MustWait
    events = [AcceptedEvent(taken.event_id, taken.raw) for taken in new]
    outcome = admit_imported(job.project_id, job.partition, job.id, events, count)
    if outcome is Outcome.NOT_NOW:
        raise Conflict("another process was faster")
    if outcome is Outcome.ADMITTED:
        _held_up_since.pop(job.id, None)
        _rests.pop(job.id, None)
        return True
    if time.monotonic() - _held_up_since.setdefault(job.id, time.monotonic()) > PATIENCE_SECONDS:
        del _held_up_since[job.id]
        raise MustWait
    time.sleep(REST_SECONDS)
    _rests[job.id] += 1
    if _rests[job.id] % RESTS == 0:
        raise MakeRoom
    return False


def _save(job: Import, following: int, imported: int, erased: int, of: int) -> None:
    counts = {
        "imported": imported, "erased": erased, "stored": max(0, of - imported - erased),
    }  # fmt: skip
    with durable_transaction() as session:
        save_progress(job, session, cursor=following, counts=counts)


def _leave_out_erased(job: Import, block: list[Taken]) -> tuple[list[Taken], int]:
    """Without those who were erased since the import was asked for, and how many these are."""
    users = set(job.document.get("erased", ()))
    if not users:
        return block, 0
    left = [taken for taken in block if taken.user not in users]
    return left, len(block) - len(left)


def _leave_out_stored(job: Import, block: list[Taken]) -> list[Taken]:
    """Without the events that are stored already, or were and are erased."""
    keys = [job.project_id + parse_id(taken.event_id) for taken in block]
    found = collection(mongo.EVENTS).find({"_id": {"$in": keys}}, {"_id": 1})
    stored = {bytes(event["_id"]) for event in found}
    return [taken for key, taken in zip(keys, block, strict=True) if key not in stored]


def wait_until_stored(job: Import) -> None:
    """What was admitted is stored; then nothing of the file is kept."""
    fence(job.project_id, job.partition, job.id, job.document["era"], for_good=True)
    last, _ = parse_place(bytes(job.document["lastPlace"]))
    waiting = job.cursor
    for _ in range(LOOKS):
        waiting = find_waiting(job.project_id, job.partition, last, waiting)
        if waiting is None:
            break
        time.sleep(REST_SECONDS)
    with durable_transaction() as session:
        if waiting is None:
            finish_step(job, session, expiresAt=datetime.now(UTC) + KEPT)
        elif waiting != job.cursor:
            save_progress(job, session, cursor=waiting)
    if waiting is not None:
        raise MustWait if waiting == job.cursor else MakeRoom
    with suppress(OSError):  # else they are swept
        delete_folder(folder_of(job.project_id, job.id))
