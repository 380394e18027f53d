"""What tells dead letters apart, read out of their payloads: nothing of it is stored twice."""

from typing import NamedTuple

import msgspec
from django.db.models import QuerySet

from analytics.events.event import PAGEVIEW
from ingestion.models import DeadLetter

# A search reads payloads; it must not hold a process up for long.
MAX_SEARCHED_LETTERS = 20_000
MAX_SEARCHED_BYTES = 64 * 1024 * 1024
_CHUNK_LETTERS = 200


class Outline(NamedTuple):
    """Path, or else url, and event's name of a payload that may be anything."""

    path: str
    event: str


class Found(NamedTuple):
    letter_ids: list[str]
    is_cut: bool  # there are more letters than were looked at


def read_outline(payload: bytes) -> Outline:
    if not payload:  # erased
        return Outline("-", "-")
    try:
        fields = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Outline("(not JSON)", "-")
    if not isinstance(fields, dict):
        return Outline("(no object)", "-")
    page = fields.get("path") or fields.get("url")
    return Outline(_show(page, "-"), _show(fields.get("event"), PAGEVIEW))


def find_letters(letters: QuerySet[DeadLetter], text: str) -> Found:
    """The letters of which each word of `text` is a part: of ids, path, event or reason."""
    words = text.casefold().split()
    rows = letters.order_by("-buried_at").values_list("pk", "event_id", "reason", "payload")
    found: list[str] = []
    read_bytes = 0
    for number, row in enumerate(rows.iterator(chunk_size=_CHUNK_LETTERS)):
        if number >= MAX_SEARCHED_LETTERS or read_bytes > MAX_SEARCHED_BYTES:
            return Found(found, is_cut=True)
        pk, event_id, reason = row[0], row[1] or "", row[2] or ""
        payload = bytes(row[3] or b"")
        read_bytes += len(payload)
        texts = [part.casefold() for part in (pk, event_id, reason, *read_outline(payload))]
        if all(any(word in part for part in texts) for word in words):
            found.append(pk)
    return Found(found, is_cut=False)


def _show(value: object, otherwise: str) -> str:
    if value is None or isinstance(value, str):
        return value or otherwise
    return msgspec.json.encode(value).decode()
