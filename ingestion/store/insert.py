"""Insert documents that are encoded already, with nothing done to each of them."""

from collections.abc import Iterator, Sequence

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from analytics.databases import mongo
from analytics.databases.mongo import Document

MAX_INSERT_BYTES = 12 * 1024 * 1024


class EncodedDocuments(RawBSONDocument):
    """Many documents in the place of one.

    The driver puts the bytes of raw documents one after the other, which is what the document
    sequence of an OP_MSG is. Joined beforehand they are one to it.
    """

    __slots__ = ("_joined",)

    def __init__(self, encoded: Sequence[bytes]) -> None:
        self._joined = b"".join(encoded)

    @property
    def raw(self) -> bytes:
        return self._joined


def insert_encoded(session: ClientSession, name: str, encoded: Sequence[bytes]) -> None:
    """Insert BSON documents in order, in as few messages as they fit.

    By the command itself: `insert_many` would decode each of them to learn its `_id`. Raises
    OperationFailure for the first that is refused.
    """
    for part in split_by_bytes(encoded):
        command = {"insert": name, "documents": [EncodedDocuments(part)]}
        reply = mongo.database().command(command, session=session)
        if errors := reply.get("writeErrors"):
            raise OperationFailure(errors[0]["errmsg"], errors[0]["code"], reply)
        if reply["n"] != len(part):
            raise OperationFailure(f"{reply['n']} of {len(part)} documents were inserted")


def insert_documents(session: ClientSession, name: str, documents: Sequence[Document]) -> None:
    insert_encoded(session, name, [bson.encode(document) for document in documents])


def split_by_bytes(encoded: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut into runs that each fit one command of 16 MB."""
    start = size = 0
    for index, raw in enumerate(encoded):
        if index > start and size + len(raw) > MAX_INSERT_BYTES:
            yield encoded[start:index]
            start, size = index, 0
        size += len(raw)
    if encoded:
        yield encoded[start:]
