"""Leases in MongoDB, by its clock: one process at a time works on the columns of a project.

And no more of a host than leave it one to drain. Nothing relies on being alone: what two of them do
to one list conflicts, and one begins anew. So a lease saves work, and a process that was frozen
while its own lapsed does no harm.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from bson import ObjectId
from bson.binary import Binary
from django.conf import settings
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from analytics.databases import mongo
from analytics.databases.mongo import collection

LEASE_SECONDS: Final = 30.0
"""A process that is killed keeps what it had for this long."""
RENEW_SECONDS: Final = 10.0
PATIENCE_SECONDS: Final = 10.0
"""So long who changes segments waits for the project, beside an exporter with which it conflicts
for ever; then it tries without: the exporter may be stuck, or killed."""

_POLL_SECONDS: Final = 0.05


@contextmanager
def lease_project(project_id: bytes, wait_seconds: float = 0.0) -> Iterator[bool]:
    """Give the columns of a project to this process, or tell that another has them.

    After `wait_seconds` still. Raises what MongoDB's driver raises.
    """
    with _lease(Binary(project_id), {"project": Binary(project_id)}, wait_seconds) as entered:
        yield entered


@contextmanager
def lease_host() -> Iterator[bool]:
    """Let this process work on columns, or tell that others of its host do.

    All but one of its worker's processes may, or the one there is.
    """
    for number in range(max(1, settings.WORKER_CONCURRENCY - 1)):
        with _lease(f"{socket.gethostname()}/{number}", {}, 0.0) as entered:
            if entered:
                yield True
                return
    yield False


@contextmanager
def _lease(key: Any, fields: dict[str, Any], wait_seconds: float) -> Iterator[bool]:
    holder, until = ObjectId(), time.monotonic() + wait_seconds
    while not _take(key, holder, fields):
        if time.monotonic() >= until:
            yield False
            return
        time.sleep(_POLL_SECONDS)
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(key, holder, done), daemon=True)
    renewal.start()
    try:
        yield True
    finally:
        done.set()
        renewal.join()
        with suppress(PyMongoError):  # then it lapses
            collection(mongo.COLUMN_LEASES).delete_one({"_id": key, "holder": holder})


def _take(key: Any, holder: ObjectId, fields: dict[str, Any]) -> bool:
    """Whether it is ours: it was free, or its time was over."""
    is_free = {"$lte": [{"$ifNull": ["$until", "$$NOW"]}, "$$NOW"]}
    change = {
        "holder": {"$cond": [is_free, holder, "$holder"]},
        "until": {"$cond": [is_free, _in_a_while(), "$until"]},
        **fields,
    }
    try:
        found = collection(mongo.COLUMN_LEASES).find_one_and_update(
            {"_id": key}, [{"$set": change}], upsert=True, return_document=ReturnDocument.AFTER
        )
    except DuplicateKeyError:  # somebody else made it at this moment
        return False
    return found is not None and bool(found["holder"] == holder)


def _renew(key: Any, holder: ObjectId, done: threading.Event) -> None:
    while not done.wait(RENEW_SECONDS):
        with suppress(PyMongoError):
            collection(mongo.COLUMN_LEASES).update_one(
                {"_id": key, "holder": holder}, [{"$set": {"until": _in_a_while()}}]
            )


def _in_a_while() -> dict[str, Any]:
    return {"$add": ["$$NOW", int(LEASE_SECONDS * 1000)]}
