"""Export fresh events: write them into a segment, list it, and take the fresh documents away."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from analytics.databases import mongo
from analytics.databases.column_documents import FreshDocument
from analytics.databases.documents import typed
from analytics.databases.mongo import Document, collection
from analytics.events.fresh import FRESH_ID_BYTES, fresh_since_ms, list_fresh_keys
from analytics.events.ids import MILLISECOND, ids_of, ms_of_datetime
from columns.change import Change
from columns.files.folder import make_folder
from columns.files.rows import FIELDS, OPTIONS

DUE_EVENTS: Final = 5_000
DUE_AGE: Final = timedelta(hours=1)
STRIDE_EVENTS: Final = 50_000
"""Of one segment; as many lines of the fresh, and of events, as a moment's memory should hold."""

_READ_KEYS = 1_000  # in one trip; the driver's own first batch, of 101, makes two
_READ_DOCUMENTS = 100


@dataclass(frozen=True, slots=True)
class Tail:
    """How much of a project waits for its segment, and since when, in unix milliseconds."""

    project_id: bytes
    events: int
    since_ms: int


def list_tails() -> list[Tail]:
    """The tails of all projects that have one, the oldest first."""
    found = collection(mongo.COLUMN_FRESH).aggregate(
        [
            {"$group": {"_id": "$project", "events": {"$sum": "$n"}, "first": {"$min": "$_id"}}},
        ]
    )
    tails = [
        Tail(bytes(tail["_id"]), tail["events"], fresh_since_ms(bytes(tail["first"])))
        for tail in found
    ]
    return sorted(tails, key=lambda tail: tail.since_ms)


def list_due(now: datetime) -> list[Tail]:
    """Those that are worth a segment, or have waited for long."""
    since_ms = ms_of_datetime(now) - DUE_AGE // MILLISECOND
    return [tail for tail in list_tails() if tail.events >= DUE_EVENTS or tail.since_ms <= since_ms]


def export_project(project_id: bytes, *, most: int = STRIDE_EVENTS) -> int:
    """Export the oldest fresh documents of a project, whole ones with `most` events; how many.

    An event that is named but not there (erased, expired) counts as exported. An event that is
    erased while it is on its way is in the list before the erasure's look at it, or never: the
    erasure counts the head's revision up, which is read here before the events are.

    Raises Conflict and ColumnsUnavailable; then all is as it was.
    """
    fresh = _list_oldest(project_id, most)
    if not fresh:
        return 0
    keys = list(chain.from_iterable(map(list_fresh_keys, fresh)))
    with Change(project_id, make_folder()) as change:
        written = change.writer.write_events(read_events(project_id, keys))
        change.apply(written, fresh=[document["_id"] for document in fresh])
    return sum(document["n"] for document in fresh)


def _list_oldest(project_id: bytes, most: int) -> list[FreshDocument]:
    """At least one, if there is any."""
    taken: list[FreshDocument] = []
    found = typed(FreshDocument, mongo.COLUMN_FRESH).find(ids_of(project_id, FRESH_ID_BYTES))
    for document in found.sort("_id", 1).batch_size(_READ_DOCUMENTS):
        most -= document["n"]
        if taken and most < 0:
            break
        taken.append(document)
    return taken


def read_events(project_id: bytes, keys: Sequence[bytes]) -> Iterator[Document]:
    """The stored events of a project with these `_id`s, by `rows.FIELDS`; tombstones are none.

    A majority has what is read: the transaction that named an event stored it, and reads do not
    go back behind what was read before.
    """
    events = collection(mongo.EVENTS).with_options(codec_options=OPTIONS)
    for at in range(0, len(keys), _READ_KEYS):
        named = {"$in": keys[at : at + _READ_KEYS]}
        yield from events.find(
            {"_id": named, "project": project_id}, FIELDS, batch_size=_READ_KEYS + 1
        )
