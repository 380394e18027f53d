"""What `notice_recipients` holds, and how an address is told from another."""

import hashlib
from datetime import datetime
from typing import Literal, NotRequired, TypedDict

from pymongo.collection import Collection

from analytics.databases import mongo
from analytics.databases.documents import typed

State = Literal["asked", "confirmed", "unsubscribed"]


class RecipientDocument(TypedDict):
    """`notice_recipients`: what an address said to one rule, or is asked.

    `_id` is the project in hex, the rule and a digest of the address, so that it is there once.
    """

    _id: str
    project: bytes
    rule: str
    address: str  # as somebody typed it
    state: State
    nonce: str  # of the link that it was last asked by
    askedAt: NotRequired[datetime]
    askedBy: NotRequired[str]
    mailedAt: NotRequired[datetime | None]  # None: the server did not take it
    confirmedAt: NotRequired[datetime]
    unsubscribedAt: NotRequired[datetime]


def recipients() -> "Collection[RecipientDocument]":
    return typed(RecipientDocument, mongo.NOTICE_RECIPIENTS)


def recipient_id(project: bytes, rule: str, address: str) -> str:
    """Addresses that differ by case alone are one person's."""
    digest = hashlib.sha256(fold(address).encode(errors="replace")).hexdigest()[:32]
    return f"{project.hex()}:{rule}:{digest}"


def fold(address: str) -> str:
    return address.strip().casefold()
