"""Change the list of a project's segments: one transaction, guarded by the revision of its head.

Whoever changes what the list stands for (the list itself, a veil, an erasure's end) counts the
revision up. So of two changes that began at the same moment one is done, and the other begins anew.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from bson.binary import Binary
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict, durable_transaction
from columns.files.folder import Folder, check_folder
from columns.files.layout import FORMAT
from columns.garbage import add_entry
from columns.segments import Head, Segment, read_head
from columns.writer import SegmentWriter, Written

READ_TIME: Final = timedelta(minutes=2)
"""Replaced files stay so long: twice what a question may take (QUERY_TIMEOUT_SECONDS)."""

_Fields = Mapping[str, Mapping[str, Any]]


class Change:
    """One change. Made before what it goes by is read, then written for, then applied, once.

    In this order the garbage entry, the head, and what the caller reads: who has counted the
    revision up, and then waits for the entries that were there, has seen the last of what was read
    before (`SegmentWriter`).
    """

    def __init__(self, project_id: bytes, folder: Folder) -> None:
        self.writer = SegmentWriter(project_id, folder)
        self.head = read_head(project_id)
        self._is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Have what was written collected now, unless it is in the list, or may be."""
        if self._is_open:
            self.writer.discard()

    def apply(
        self,
        added: Sequence[Written] = (),
        removed: Sequence[Segment] = (),
        fresh: Sequence[bytes] = (),
        head: _Fields | None = None,
        also: Callable[[ClientSession], object] | None = None,
    ) -> None:
        """List `added`, and take `removed` and the fresh documents `fresh`, by `_id`, away.

        `head`: further operators on the head, as {"$unset": {"oldUntil": ""}}. `also` does more in
        the transaction. Raises Conflict: nothing was changed, and the files that were written are
        collected. On an error of MongoDB it may have been done or not; either way it is whole.
        Raises ColumnsUnavailable where the folder went while it was written into.
        """
        if added:
            check_folder()
        self._is_open = False
        try:
            with durable_transaction() as session:
                advance(session, self.head, head)
                self._take_away(session, mongo.COLUMN_SEGMENTS, [found.id for found in removed])
                self._take_away(session, mongo.COLUMN_FRESH, fresh)
                if added:
                    listed = [self._describe(written) for written in added]
                    collection(mongo.COLUMN_SEGMENTS).insert_many(listed, session=session)
                self.writer.adopt(session)
                if removed:
                    discard_files(session, self.head.project_id, removed)
                if also:
                    also(session)
        except Conflict:
            self.writer.discard()
            raise

    def _take_away(self, session: ClientSession, name: str, ids: Sequence[bytes]) -> None:
        """Delete documents of the project, all of which are there. Raises Conflict."""
        if ids:
            named = {"$in": [Binary(found) for found in ids]}
            gone = collection(name).delete_many(
                {"_id": named, "project": self.head.project_id}, session=session
            )
            if gone.deleted_count != len(ids):
                raise Conflict(f"somebody else took away of {name}")

    def _describe(self, written: Written) -> dict[str, Any]:
        """The document of `column_segments`."""
        cut = written.cut
        document = {
            "_id": Binary(written.segment_id),
            "project": Binary(self.head.project_id),
            "generation": self.head.generation,
            "from": written.from_ms,
            "to": written.to_ms,
            "days": list(cut.days) if cut else None,
            "zone": cut.zone if cut else None,
            "rows": written.rows,
            "bytes": written.file_bytes,
            "sum": Binary(written.sum),
            "v": FORMAT,
            "madeAt": datetime.now(UTC),
        }
        if cut:
            document["midnights"] = Binary(cut.midnights)
            if cut.box.owners:
                document["owners"] = list(cut.box.owners)
        if written.since:
            document["since"] = written.since
        if written.clear_of:
            document["clearOf"] = sorted(written.clear_of)
        return document


def advance(session: ClientSession, head: Head, fields: _Fields | None = None) -> None:
    """Count the head's revision up, in a transaction, and change `fields`. Raises Conflict.

    It conflicts where the head is not as it was read, and makes the one of a project without any.
    """
    changes = dict(fields or {})
    changes["$inc"] = {**changes.get("$inc", {}), "revision": 1}
    is_new = head.revision == 0
    if is_new:
        changes["$setOnInsert"] = {"generation": head.generation}
    try:
        advanced = collection(mongo.COLUMN_HEADS).update_one(
            {"_id": head.project_id, "revision": head.revision},
            changes,
            upsert=is_new,
            session=session,
        )
    except DuplicateKeyError as exc:
        raise Conflict("somebody else made the head") from exc
    if not advanced.matched_count and advanced.upserted_id is None:
        raise Conflict("somebody else changed the list")


def discard_files(session: ClientSession, project_id: bytes, removed: Sequence[Segment]) -> None:
    """In the transaction that takes segments from the list: delete their files after a while."""
    add_entry(project_id, [segment.id for segment in removed], READ_TIME, session)
