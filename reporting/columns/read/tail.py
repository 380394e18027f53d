"""The events of a project that are in no segment yet, as files of this process.

Which they are says the question's snapshot, by its fresh documents, which never change: so a file
that holds the events of some of them is right for as long as the snapshot names all of these.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from django.conf import settings

from analytics.databases.mongo import COLUMN_FRESH, EVENTS, Document, collection
from analytics.events.fresh import FRESH_ID_BYTES, list_fresh_keys
from analytics.events.ids import ids_of
from analytics.remembered import forgets
from columns.files.rows import PROJECTION
from reporting.columns.read.rows_file import RowsFile, join_files, read_seconds, write_events
from reporting.columns.slots import busy
from reporting.snapshot import Snapshot

MAX_BYTES = 64 * 1024 * 1024
"""Of the files of a process, beyond what questions of the last seconds read."""

MOST_FILES = 8
_READ_DOCUMENTS = 100
_READ_KEYS = 1_000


class TailTooLong(Exception):
    """More events wait for their segment than a question may read."""


@dataclass(slots=True, eq=False)
class Chunk:
    """The events of some fresh documents."""

    fresh: frozenset[bytes]
    file: RowsFile
    used_at: float = field(default_factory=time.monotonic)

    def is_read(self) -> bool:
        """Whether a question may still read it."""
        return time.monotonic() - self.used_at < read_seconds()


class Tail:
    """What this process holds of a project's tail; of an event more than one chunk at times."""

    def __init__(self, project_id: bytes) -> None:
        self._project_id = project_id
        self._chunks: list[Chunk] = []
        self._mutex = threading.Lock()

    def choose(self, snapshot: Snapshot, listed: Set[bytes]) -> list[Chunk]:
        """Chunks that hold the events of the listed fresh documents, each of them once."""
        if not self._mutex.acquire(timeout=max(0.0, snapshot.deadline - time.monotonic())):
            raise busy()
        try:
            chosen, missing = self._find(listed)
            if missing:
                events = _read_events(snapshot, self._project_id, sorted(missing))
                file = write_events(self._project_id, snapshot.deadline, events)
                chosen.append(Chunk(frozenset(missing), file))
                self._chunks.append(chosen[-1])
            if len(chosen) > MOST_FILES:
                files = [chunk.file for chunk in chosen]
                file = join_files(self._project_id, snapshot.deadline, files)
                chosen = [Chunk(frozenset(listed), file)]
                self._chunks += chosen
            for chunk in chosen:
                chunk.used_at = time.monotonic()
            self.drop(lambda chunk: chunk not in chosen)
            return chosen
        finally:
            self._mutex.release()

    def _find(self, listed: Set[bytes]) -> tuple[list[Chunk], set[bytes]]:
        """The chunks to read, and the fresh documents that none of them holds."""
        chosen: list[Chunk] = []
        missing = set(listed)
        for chunk in sorted(self._chunks, key=lambda chunk: -len(chunk.fresh)):
            if chunk.fresh <= missing and chunk.file.is_there():
                chunk.used_at = time.monotonic()
                chosen.append(chunk)
                missing -= chunk.fresh
        return chosen, missing

    def drop(self, condition: Callable[[Chunk], bool]) -> None:
        """Delete the chunks that meet a condition and that no question reads."""
        for chunk in list(self._chunks):
            if not chunk.is_read() and condition(chunk):
                self._chunks.remove(chunk)
                chunk.file.delete()

    def list_fresh(self) -> set[bytes]:
        """The fresh documents it has events of."""
        return {fresh for chunk in self._chunks for fresh in chunk.fresh}

    def is_busy(self) -> bool:
        """Whether a question is about to add to it."""
        return self._mutex.locked()

    def count_bytes(self) -> int:
        return sum(chunk.file.file_bytes for chunk in self._chunks)


# The one used last comes last.
_tails: OrderedDict[bytes, Tail] = OrderedDict()
forgets(_tails.clear)


def read_tail(snapshot: Snapshot, project_id: bytes) -> list[Chunk]:
    """The tail of a project at the snapshot's moment.

    Raises TailTooLong, and what `run` raises.
    """
    listed = _list_fresh(project_id, snapshot.find)
    if sum(listed.values()) > settings.COLUMNS_TAIL_EVENTS:
        raise TailTooLong
    if not listed:
        return []
    tail = _tails.setdefault(project_id, Tail(project_id))
    _tails.move_to_end(project_id)
    chosen = tail.choose(snapshot, listed.keys())
    _shrink()
    return chosen


def _list_fresh(
    project_id: bytes, find: Callable[[str, Document, Document], Iterator[Document]]
) -> Mapping[bytes, int]:
    """The fresh documents of a project, with how many events each names."""
    found = find(COLUMN_FRESH, ids_of(project_id, FRESH_ID_BYTES), {"n": 1})
    return {bytes(document["_id"]): document["n"] for document in found}


def sweep_tails() -> None:
    """Drop what MongoDB does not list any more: nothing of an erased user stays."""
    for project_id, tail in list(_tails.items()):
        if held := tail.list_fresh():
            listed = list_stored_fresh(project_id)
            if held - listed:
                tail.drop(lambda chunk, listed=listed: not chunk.fresh <= listed)  # type: ignore[misc]
        elif not tail.is_busy():
            _tails.pop(project_id, None)


def list_stored_fresh(project_id: bytes) -> set[bytes]:
    """The fresh documents that MongoDB has of a project now."""

    def find(name: str, condition: Document, fields: Document) -> Iterator[Document]:
        return iter(collection(name).find(condition, fields, batch_size=10_000))

    return set(_list_fresh(project_id, find))


def _shrink() -> None:
    """Drop the projects that were not asked for longest, while they are too many bytes."""
    total = sum(tail.count_bytes() for tail in _tails.values())
    for tail in list(_tails.values()):
        if total <= MAX_BYTES:
            return
        before = tail.count_bytes()
        tail.drop(lambda chunk: True)
        total -= before - tail.count_bytes()


def _read_events(
    snapshot: Snapshot, project_id: bytes, fresh: Sequence[bytes]
) -> Iterator[Document]:
    """The stored events that fresh documents name; an erased one is none."""
    for at in range(0, len(fresh), _READ_DOCUMENTS):
        named = {"_id": {"$in": list(fresh[at : at + _READ_DOCUMENTS])}}
        documents = snapshot.find(COLUMN_FRESH, named, {"project": 1, "short": 1, "long": 1})
        keys = [key for document in documents for key in list_fresh_keys(document)]
        for first in range(0, len(keys), _READ_KEYS):
            condition = {"_id": {"$in": keys[first : first + _READ_KEYS]}, "project": project_id}
            yield from snapshot.find(EVENTS, condition, PROJECTION)
