"""Remove a project's segments: first from its list, so that no question reads them, then all files,
and those of its exports and imports.

The list goes with its head and the veils, so whoever was about to change it meets a Conflict.
"""

from analytics.databases import mongo
from analytics.databases.column_documents import SegmentDocument
from analytics.databases.documents import typed
from analytics.databases.mongo import collection
from analytics.databases.transactions import durable_transaction
from columns.change import READ_TIME
from columns.files.folder import find_folder
from columns.garbage import add_entry
from upkeep.deletion.job import Deletion
from upkeep.exports.folder import delete_project
from upkeep.imports.folder import delete_project as delete_imports
from upkeep.jobs.job import finish_step, save_progress
from upkeep.jobs.waiting import waiting_for_exports, waiting_for_folder

DELETE_SEGMENTS = 500


def delete_segments(job: Deletion) -> None:
    """One stride: DELETE_SEGMENTS of the list; their files are garbage."""
    with durable_transaction() as session:
        collection(mongo.COLUMN_HEADS).delete_one({"_id": job.project_id}, session=session)
        collection(mongo.COLUMN_VEILS).delete_many({"project": job.project_id}, session=session)
        segments = typed(SegmentDocument, mongo.COLUMN_SEGMENTS)
        found = segments.find({"project": job.project_id}, {"_id": 1}, session=session)
        ids = [bytes(segment["_id"]) for segment in found.limit(DELETE_SEGMENTS)]
        if not ids:
            finish_step(job, session)
            return
        add_entry(job.project_id, ids, READ_TIME, session)
        segments.delete_many({"_id": {"$in": ids}}, session=session)
        save_progress(job, session, cursor=None, counts={"segments": len(ids)})


def delete_files(job: Deletion) -> None:
    """Once nobody reads or writes any: the project's folders, whatever is in them.

    Waits while a folder cannot be reached, unless this deployment never had one.
    """
    with waiting_for_exports(job):
        delete_project(job.project_id)
        delete_imports(job.project_id)
    if collection(mongo.COLUMN_STORE).find_one({}) is not None:
        with waiting_for_folder(job):
            folder = find_folder()
            folder.delete(_list_garbage(job.project_id))
            folder.delete_project(job.project_id)
    with durable_transaction() as session:
        collection(mongo.COLUMN_GARBAGE).delete_many({"project": job.project_id}, session=session)
        collection(mongo.COLUMN_LEASES).delete_one({"_id": job.project_id}, session=session)
        finish_step(job, session)


def _list_garbage(project_id: bytes) -> list[bytes]:
    """The segments that are named as something to delete."""
    found = collection(mongo.COLUMN_GARBAGE).find({"project": project_id}, {"segments": 1})
    return [bytes(segment_id) for entry in found for segment_id in entry["segments"]]
