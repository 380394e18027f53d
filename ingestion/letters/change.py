"""Discard and edit dead letters; who did it, when and why stays on the letter."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bson.binary import Binary
from django.conf import settings

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from ingestion.letters.letter import DEAD, DISCARDED, judge_edit


class NotDead(Exception):
    """The letter was replayed, discarded or erased meanwhile, or is gone."""


def close_letters(letter_ids: Sequence[bytes], status: str, by: str, why: str) -> int:
    """Mark open letters as replayed or discarded; how many. From now on age removes them."""
    now = datetime.now(UTC)
    closed = collection(mongo.DEAD_LETTERS).update_many(
        {"_id": {"$in": list(letter_ids)}, "status": DEAD},
        {
            "$set": {
                "status": status,
                "expiresAt": now + timedelta(days=settings.DEAD_LETTERS_KEPT_DAYS),
            },
            "$push": {"history": _note(status, by, why, now)},
        },
    )
    return closed.modified_count


def discard_letters(letter_ids: Sequence[bytes], by: str, why: str) -> int:
    """Give open letters up; how many. They stay counted as dead. `why` is required."""
    if not why.strip():
        raise ValueError("a reason is required to discard")
    return close_letters(letter_ids, DISCARDED, by, why)


def edit_letter(letter_id: bytes, payload: bytes, by: str, why: str) -> None:
    """Replace what a replay will send; what was sent first stays as `original`.

    Raises InvalidEvent for a payload that cannot be stored either, and NotDead.
    """
    letters = collection(mongo.DEAD_LETTERS)
    letter = letters.find_one({"_id": letter_id, "status": DEAD})
    if letter is None:
        raise NotDead
    judge_edit(payload, letter)
    change: Document = {"payload": Binary(payload)}
    if letter.get("original") is None:
        change["original"] = letter["payload"]
    edited = letters.update_one(
        {"_id": letter_id, "status": DEAD, "payload": letter["payload"]},
        {"$set": change, "$push": {"history": _note("edited", by, why, datetime.now(UTC))}},
    )
    if not edited.matched_count:
        raise NotDead


def _note(action: str, by: str, why: str, at: datetime) -> Document:
    return {"at": at, "by": by, "action": action, "why": why}
