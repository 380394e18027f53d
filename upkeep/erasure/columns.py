"""Take a user out of the columns (docs/decisions/0017-veils.md).

A veil hides the user from questions, in one moment, until no segment holds them. Then the files
that did are waited for.
"""

from collections.abc import Iterator

from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.column_documents import FreshDocument, VeilDocument
from analytics.databases.documents import typed
from analytics.databases.mongo import collection
from analytics.databases.transactions import durable_transaction
from analytics.events.fresh import FRESH_ID_BYTES, list_fresh_keys
from analytics.events.ids import ids_of
from columns.export import export_project
from columns.forget import Forgotten, forget_in_next, lift_veil
from columns.garbage import collect_files
from upkeep.erasure.job import Erasure
from upkeep.jobs.job import MustWait, finish_step, save_progress
from upkeep.jobs.leases import PATIENCE_SECONDS, lease_project
from upkeep.jobs.waiting import waiting_for_folder

FIND_KEYS = 10_000


def draw_veil(job: Erasure) -> None:
    """From here on no question sees the user; before any event goes, so that none sees a part."""
    veil: VeilDocument = {
        "_id": job.id,
        "project": job.project_id,
        "userId": job.user_id,
        "lastPlace": job.last_place,
    }
    with durable_transaction() as session:
        finish_step(job, session)
        typed(VeilDocument, mongo.COLUMN_VEILS).insert_one(veil, session=session)


def export_tail(job: Erasure) -> None:
    """One stride: the oldest of what is fresh, until nothing fresh names an erased event.

    Processes remember the rows of what is fresh, and drop them with it.
    """
    if any(map(_find_erased, _list_fresh(job.project_id))):
        with waiting_for_folder(job):
            export_project(job.project_id)
        return
    with durable_transaction() as session:
        finish_step(job, session)


def _list_fresh(project_id: bytes) -> Iterator[list[bytes]]:
    """The keys of what is fresh, FIND_KEYS at once."""
    keys: list[bytes] = []
    fresh = typed(FreshDocument, mongo.COLUMN_FRESH).find(ids_of(project_id, FRESH_ID_BYTES))
    for document in fresh:
        keys += list_fresh_keys(document)
        if len(keys) >= FIND_KEYS:
            yield keys
            keys = []
    yield keys


def _find_erased(keys: list[bytes]) -> bool:
    erased = {"_id": {"$in": keys}, "erased": {"$exists": True}}
    return collection(mongo.EVENTS).find_one(erased, {"_id": 1}) is not None


def forget_in_segments(job: Erasure) -> None:
    """One stride: some segments that may still hold the user; when none does the veil goes."""
    whom = Forgotten(job.id, job.user_id, job.last_place)

    def note(session: ClientSession) -> None:
        save_progress(job, session, cursor=None, counts={"segments": 1})

    with lease_project(job.project_id, PATIENCE_SECONDS), waiting_for_folder(job):
        if forget_in_next(job.project_id, whom, note):
            return
        with durable_transaction() as session:
            finish_step(job, session, cursor=lift_veil(session, job.project_id, job.id))


def wait_for_files(job: Erasure) -> None:
    """Until the files that held the user are deleted, and caches have dropped what they held.

    Also files that were written beside this and never listed: the entry of whoever had read the
    user's events by then was there (columns/writer.py).
    """
    if job.cursor:
        with waiting_for_folder(job):
            collect_files(job.project_id)
        if collection(mongo.COLUMN_GARBAGE).find_one({"_id": {"$in": job.cursor}}, {"_id": 1}):
            raise MustWait
    with durable_transaction() as session:
        finish_step(job, session)
