"""Redact a user's dead letters, and the duplicates of what was erased."""

import json
from datetime import UTC, datetime

import msgspec
from bson.binary import Binary

from analytics.databases import mongo
from analytics.databases.documents import DuplicateDocument, LetterDocument, LetterPayloads, typed
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import durable_transaction
from analytics.events.ids import PLACE_BYTES, after_project, ids_of
from analytics.keys.samples import delete_samples
from upkeep.erasure.job import Erasure
from upkeep.jobs.job import finish_step, save_progress

LETTERS = 200
DUPLICATES = 5_000

# Its place, its reason and the key that a receipt finds it by stay: the books count it.
_REDACTED: Document = {
    "payload": Binary(b""),
    "original": None,
    "detail": "",
    "eventId": "",
    "ip": None,
    "userAgent": None,
}


_PAYLOADS = ("payload", "original")


class _Payload(msgspec.Struct):
    user_id: object = msgspec.field(default=None, name="userId")


_decoder = msgspec.json.Decoder(_Payload)


def redact_letters(job: Erasure) -> None:
    """One stride: look through LETTERS of the project that were accepted before the request.

    What receivers refused goes as a whole: it is in the words of other vendors, and may be cut.
    """
    delete_samples(job.project_id)
    with durable_transaction() as session:
        letters = typed(LetterDocument, mongo.DEAD_LETTERS)
        page = list(
            letters.find({**_after(job), "project": job.project_id}, _PAYLOADS, session=session)
            .sort("_id", 1)
            .limit(LETTERS)
        )
        theirs = [letter["_id"] for letter in page if is_of_user(letter, job.user_id)]
        if theirs:
            # One that was replayed or discarded stays what it is, so that age removes it.
            found = {"_id": {"$in": theirs}, "project": job.project_id}
            letters.update_many(
                {**found, "status": "dead"},
                {"$set": {"status": "erased"}},
                session=session,
            )
            letters.update_many(
                found,
                {"$set": {**_REDACTED, "erased": datetime.now(UTC)}},
                session=session,
            )
        counts = {"deadLetters": len(theirs)}
        if len(page) == LETTERS:
            save_progress(job, session, cursor=page[-1]["_id"], counts=counts)
        else:
            finish_step(job, session, counts)


def is_of_user(letter: LetterPayloads, user_id: str) -> bool:
    """Whether the payload, or what it was before an edit, names the user."""
    payloads = [bytes(found) for found in (letter["payload"], letter.get("original")) if found]
    return any(_names_user(payload, user_id) for payload in payloads)


def _names_user(payload: bytes, user_id: str) -> bool:
    """Of one that is no JSON, whether it holds the id at all."""
    try:
        return bool(_decoder.decode(payload).user_id == user_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        spellings = (user_id, json.dumps(user_id)[1:-1])
        return any(spelling.encode() in payload for spelling in spellings)


def redact_duplicates(job: Erasure) -> None:
    """One stride: of DUPLICATES of the project, those of tombstones forget which event they are of.

    They hold nothing else but their place, which the books count.
    """
    with durable_transaction() as session:
        duplicates = typed(DuplicateDocument, mongo.DUPLICATES)
        page = list(
            duplicates.find(_after(job), {"event": 1}, session=session)
            .sort("_id", 1)
            .limit(DUPLICATES)
        )
        keys = [found["event"] for found in page if "event" in found]
        erased = collection(mongo.EVENTS).find(
            {"_id": {"$in": keys}, "erased": {"$exists": True}}, {"_id": 1}, session=session
        )
        tombstones = {tombstone["_id"] for tombstone in erased}
        theirs = [found["_id"] for found in page if found.get("event") in tombstones]
        if theirs:
            duplicates.update_many(
                {"_id": {"$in": theirs}}, {"$unset": {"event": ""}}, session=session
            )
        counts = {"duplicates": len(theirs)}
        if len(page) == DUPLICATES:
            save_progress(job, session, cursor=page[-1]["_id"], counts=counts)
        else:
            finish_step(job, session, counts)


def _after(job: Erasure) -> Document:
    """The records of project and place, from the cursor to the last before the request.

    A release of before may have left a cursor among the records of another project: then anew.
    """
    cursor = after_project(job.project_id, job.cursor, PLACE_BYTES)
    return ids_of(job.project_id, PLACE_BYTES, after=cursor, last=job.last_place)
