"""Durable transactions, and which errors of MongoDB concern the moment, which the document."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from bson.errors import InvalidDocument
from django.db import DatabaseError
from django_mongodb_backend.transaction import atomic
from pymongo.client_session import ClientSession
from pymongo.errors import DocumentTooLarge, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from analytics.databases import mongo

COMMIT_UNKNOWN = "UnknownTransactionCommitResult"
TRANSIENT = "TransientTransactionError"
# How often work is done in all while somebody else is faster each time.
MAX_TRIES = 5
# Seconds before each further try of a form, whose winner may take a while to commit.
_PAUSES = (0.02, 0.1, 0.4, 1.0)

_SNAPSHOT = ReadConcern("snapshot")

T = TypeVar("T")

# Server errors that repeating cannot mend. The list is closed: what is not in it is a matter of
# the moment, and never buries an event.
_PERMANENT_CODES = frozenset(
    {
        2,  # BadValue
        9,  # FailedToParse
        14,  # TypeMismatch
        15,  # Overflow: nested too deeply
        22,  # InvalidBSON
        52,  # DollarPrefixedFieldName
        53,  # InvalidIdField
        121,  # DocumentValidationFailure
        257,  # TransactionTooLarge
        10334,  # BSONObjectTooLarge
        17280,  # KeyTooLong
        17419,  # the document would grow too large
        17420,  # the document to insert is too large
    }
)


def is_permanent(exc: PyMongoError) -> bool:
    """Whether writing the same batch again must fail again, with MongoDB healthy."""
    if isinstance(exc, (InvalidDocument, DocumentTooLarge)):
        return True
    if exc.has_error_label(TRANSIENT) or exc.has_error_label(COMMIT_UNKNOWN):
        return False
    return isinstance(exc, OperationFailure) and bool(_codes(exc) & _PERMANENT_CODES)


def _codes(exc: OperationFailure) -> set[int]:
    """The codes of an error; of a bulk write, those of each refused document."""
    details = exc.details or {}
    return {exc.code or 0} | {error.get("code", 0) for error in details.get("writeErrors", ())}


class Conflict(Exception):
    """Somebody else was faster, or the store asks to try again: nothing was changed."""


@contextmanager
def durable_transaction() -> Iterator[ClientSession]:
    """One transaction that reads a snapshot and is on the disks of a majority. Raises Conflict."""
    with mongo.client().start_session() as session:
        try:
            with session.start_transaction(read_concern=_SNAPSHOT, write_concern=mongo.DURABLE):
                yield session
        except PyMongoError as exc:
            if exc.has_error_label(TRANSIENT):
                raise Conflict(repr(exc)) from exc
            raise


def transact(work: Callable[[ClientSession], T]) -> T:
    """What `work` returns, done in such a transaction, again for as long as the driver tries."""
    with mongo.client().start_session() as session:
        return session.with_transaction(work, read_concern=_SNAPSHOT, write_concern=mongo.DURABLE)


def repeat(work: Callable[[], T], most: int = MAX_TRIES) -> T:
    """What `work` returns, which is begun again after a Conflict; raises the last of `most`."""
    for _ in range(most - 1):
        with suppress(Conflict):
            return work()
    return work()


def transact_models(work: Callable[[], T]) -> T:
    """What `work` returns, done through Django's models in one transaction.

    It is begun again, after a growing pause each time, where somebody else was faster.
    """
    for seconds in _PAUSES:
        try:
            with atomic():
                return work()
        except (DatabaseError, PyMongoError) as exc:
            if not _is_conflict(exc):
                raise
        time.sleep(seconds * random.uniform(0.5, 1.5))
    with atomic():
        return work()


def _is_conflict(exc: BaseException) -> bool:
    """Django's backend hides the driver's error behind its own."""
    found = exc if isinstance(exc, PyMongoError) else exc.__cause__
    return isinstance(found, PyMongoError) and found.has_error_label(TRANSIENT)
