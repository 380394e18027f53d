"""All reads of one answer at one point in time, within the time limit of queries."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from django.conf import settings
from pymongo.client_session import ClientSession
from pymongo.errors import ConnectionFailure, ExecutionTimeout, OperationFailure

from analytics.databases.mongo import Document, client, collection
from analytics.web.problems import BadRequest, Unavailable

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 5

# A first batch of the server's own size, 101 documents, would cost most reads a second trip.
_BATCH_DOCUMENTS = 10_000

# CursorNotFound, as after a restart, SnapshotTooOld, SnapshotUnavailable: the moment read at is
# gone, a new one will do.
_SNAPSHOT_GONE = (43, 239, 246)


class Snapshot:
    """The moment of the first read, seen by every read after it."""

    def __init__(self, session: ClientSession, deadline: float) -> None:
        self._session = session
        self.deadline = deadline  # of time.monotonic()
        self.opened_at = datetime.now(UTC)  # everything stored before this is seen

    def aggregate(self, name: str, stages: Sequence[Document]) -> list[Document]:
        """Run a pipeline on the collection `name`, at most until the deadline.

        MongoDB itself stops at the deadline. A timeout on this side (pymongo's own) would go
        off at the same moment and make a long query look like a store that does not answer.
        """
        found = collection(name).aggregate(
            list(stages), session=self._session, allowDiskUse=True, maxTimeMS=self._left_ms()
        )
        return list(found)

    def find(
        self, name: str, condition: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> Iterator[Document]:
        """Find documents of the collection `name`, until the deadline, as they are asked for."""
        return iter(
            collection(name).find(
                condition,
                fields,
                session=self._session,
                batch_size=_BATCH_DOCUMENTS,
                max_time_ms=self._left_ms(),
            )
        )

    def check_time(self) -> None:
        """Raise ExecutionTimeout once the deadline has passed; for long work on this side."""
        self._left_ms()

    def _left_ms(self) -> int:
        left_ms = int((self.deadline - time.monotonic()) * 1000)
        if left_ms < 1:
            raise ExecutionTimeout("the time limit passed between two reads")
        return left_ms


@contextmanager
def open_snapshot(deadline: float | None = None) -> Iterator[Snapshot]:
    """One point in time, for at most QUERY_TIMEOUT_SECONDS, or until `deadline` (monotonic).

    Raises BadRequest (`query_timeout`) after that, and Unavailable (`store_unavailable`) while
    MongoDB does not answer.
    """
    if deadline is None:
        deadline = time.monotonic() + settings.QUERY_TIMEOUT_SECONDS
    try:
        with client().start_session(snapshot=True) as session:
            yield Snapshot(session, deadline)
    except ExecutionTimeout as exc:
        raise _too_expensive() from exc
    except ConnectionFailure as exc:
        log.warning("store_unavailable", error=repr(exc))
        raise _unavailable() from exc
    except OperationFailure as exc:
        if exc.code not in _SNAPSHOT_GONE:
            raise
        raise _unavailable() from exc


def _too_expensive() -> BadRequest:
    return BadRequest(
        f"The answer takes more than {settings.QUERY_TIMEOUT_SECONDS:g} seconds of reading stored "
        "events. Ask for a shorter window, or without exact=true.",
        code="query_timeout",
    )


def _unavailable() -> Unavailable:
    return Unavailable(
        "The store of events cannot be read at the moment.",
        code="store_unavailable",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )
