"""Remove events, letters, rollups and all else of a project, a bounded number at once.

Rollups are the summaries, and the heads of days and months. The pieces of their runs are listed as
garbage, which `upkeep/rollups/runs.py` collects.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import durable_transaction
from analytics.events.fresh import FRESH_ID_BYTES
from analytics.events.ids import PLACE_BYTES, UNIT_BYTES, event_ids_of, ids_of
from analytics.keys.samples import delete_samples
from upkeep.deletion.job import Deletion
from upkeep.imports.ending import stop_imports
from upkeep.jobs.job import finish_step, save_progress
from upkeep.jobs.setbacks import forget_setbacks
from upkeep.rollups.runs import READ_TIME

DELETE_DOCUMENTS = 2_000
DELETE_HEADS = 20


def delete_events(job: Deletion) -> None:
    # A tombstone names no project but in its `_id`.
    _delete(job, mongo.EVENTS, {"$or": list(event_ids_of(job.project_id))}, "events")


def delete_duplicates(job: Deletion) -> None:
    _delete(job, mongo.DUPLICATES, ids_of(job.project_id, PLACE_BYTES), "duplicates")


def delete_letters(job: Deletion) -> None:
    mongo.collection(mongo.FUSES).delete_one({"_id": job.project_id})
    delete_samples(job.project_id)
    mongo.collection(mongo.SALTS).delete_many(ids_of(job.project_id, UNIT_BYTES))
    for name in (mongo.MEMBERS, mongo.INVITATIONS, mongo.SHARE_LINKS):
        mongo.collection(name).delete_many({"project_id": job.id})
    _delete(job, mongo.DEAD_LETTERS, _named(job, PLACE_BYTES), "deadLetters")


def delete_summaries(job: Deletion) -> None:
    forget_setbacks(job.project_id)
    _delete(job, mongo.SUMMARIES, {"project": job.project_id}, "summaries")


def delete_erasures(job: Deletion) -> None:
    _delete(job, mongo.ERASURES, {"project": job.project_id}, "erasures")


def delete_erasure_days(job: Deletion) -> None:
    _delete(job, mongo.ERASURE_DAYS, {"project": job.project_id}, None)


def delete_days(job: Deletion) -> None:
    _delete_heads(job, mongo.ROLLUP_DAYS, "days")


def delete_months(job: Deletion) -> None:
    _delete_heads(job, mongo.ROLLUP_MONTHS, "months")


def delete_fresh(job: Deletion) -> None:
    _delete(job, mongo.COLUMN_FRESH, _named(job, FRESH_ID_BYTES), None)


def delete_saved(job: Deletion) -> None:
    """What people kept of it, whole: there are no more than some thousands."""
    for name in mongo.SAVED:
        collection(name).delete_many({"project_id": job.id})
    with durable_transaction() as session:
        finish_step(job, session)


def delete_notices(job: Deletion) -> None:
    """What waits is not sent any more; a look that is under way finds its rule gone."""
    for name in (mongo.NOTICE_RULES, mongo.NOTICE_RECIPIENTS):
        collection(name).delete_many({"project": job.project_id})
    _delete(job, mongo.NOTICES, {"project": job.project_id}, None)


def delete_exports(job: Deletion) -> None:
    _delete(job, mongo.EXPORTS, {"project": job.project_id}, "exports")


def delete_imports(job: Deletion) -> None:
    """Also what was asked for at the moment of the request."""
    stop_imports(job.project_id)
    _delete(job, mongo.IMPORTS, {"project": job.project_id}, "imports")


def delete_pins(job: Deletion) -> None:
    _delete(job, mongo.COLUMN_PINS, {"project": job.project_id}, None)


def _named(job: Deletion, length: int) -> Document:
    """Documents of the project by both their `_id`, `length` bytes after it, and their field."""
    return {**ids_of(job.project_id, length), "project": job.project_id}


def _delete(job: Deletion, name: str, condition: Document, counted: str | None) -> None:
    with durable_transaction() as session:
        found = collection(name).find(condition, {"_id": 1}, session=session)
        ids = [document["_id"] for document in found.limit(DELETE_DOCUMENTS)]
        if ids:
            collection(name).delete_many({"_id": {"$in": ids}}, session=session)
            counts = {counted: len(ids)} if counted else {}
            save_progress(job, session, cursor=None, counts=counts)
        else:
            finish_step(job, session)


def _delete_heads(job: Deletion, name: str, counted: str) -> None:
    """Heads go with a list of their runs, which are deleted as all replaced runs are."""
    with durable_transaction() as session:
        found = collection(name).find(_named(job, UNIT_BYTES), session=session)
        heads = list(found.limit(DELETE_HEADS))
        if not heads:
            finish_step(job, session)
            return
        if runs := [run for head in heads for run in find_runs(head)]:
            entry = {"runs": runs, "dueAt": datetime.now(UTC) + READ_TIME}
            collection(mongo.ROLLUP_GARBAGE).insert_one(entry, session=session)
        ids = [head["_id"] for head in heads]
        collection(name).delete_many({"_id": {"$in": ids}}, session=session)
        save_progress(job, session, cursor=None, counts={counted: len(heads)})


def find_runs(part: object) -> Iterator[bytes]:
    """The run ids of every descriptor in a head, wherever it stands."""
    if isinstance(part, Mapping):
        if isinstance(run_id := part.get("r"), bytes):
            yield run_id
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from find_runs(inner)
