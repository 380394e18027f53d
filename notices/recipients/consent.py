"""Asking an address whether it wants a rule's mail, its yes, and its no.

A link says by its signature which address and rule it is of, and nothing has to be kept for it. One
that asks is good for a week, and until it is asked again; one that ends the mail is good for ever.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import structlog
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from analytics.audit import record
from analytics.keys.failures import FailureLimit
from notices.recipients.documents import fold, recipient_id, recipients
from notices.recipients.standing import LINK_LIFETIME

log = structlog.get_logger(__name__)

_CONFIRMING, _UNSUBSCRIBING = "notices.confirm", "notices.unsubscribe"
MAX_TOKEN_CHARS = 1_000

# How often one address is asked, by whomever; and how many one project asks.
BY_ADDRESS = FailureLimit("confirmations by address", 3, 86_400)
BY_PROJECT = FailureLimit("confirmations by project", 30, 86_400)


class NotGood(Exception):
    """Changed, too old, or of something that is no more."""


class TooOften(Exception):
    """It was asked too often, or the project asked too many."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a link is of."""

    project: bytes
    rule: str
    address: str


def ask(recipient: Recipient, by: str) -> None:
    """Write down that it is to be asked; the mail is sent apart, by `write_confirming`.

    A yes from before holds until there is a no; a no, until there is a new yes. Raises TooOften.
    """
    subject = fold(recipient.address)
    limits = ((BY_ADDRESS, subject), (BY_PROJECT, recipient.project.hex()))
    if seconds := max(limit.check(counted) for limit, counted in limits):
        raise TooOften(seconds)
    for limit, counted in limits:
        limit.count(counted)
    nonce = secrets.token_urlsafe(9)
    id_ = _id_of(recipient)
    asked = {"nonce": nonce, "askedAt": datetime.now(UTC), "askedBy": by, "mailedAt": None}
    made = {
        "project": recipient.project,
        "rule": recipient.rule,
        "address": recipient.address.strip(),
        "state": "asked",
    }
    recipients().update_one({"_id": id_}, {"$set": asked, "$setOnInsert": made}, upsert=True)


def write_confirming(recipient: Recipient) -> str | None:
    """The token of the link that asks, for the mailbox alone; None where it was mailed already."""
    found = recipients().find_one({"_id": _id_of(recipient)})
    if found is None or not found["nonce"] or found.get("mailedAt"):
        return None
    return signing.dumps([*_write(recipient), found["nonce"]], salt=_CONFIRMING)


def note_mailed(recipient: Recipient) -> None:
    change = {"$set": {"mailedAt": datetime.now(UTC)}}
    recipients().update_one({"_id": _id_of(recipient)}, change)


def read_confirming(token: str) -> Recipient:
    """Whom a link asks. Raises NotGood."""
    recipient, nonce = _read_confirming(token)
    found = recipients().find_one({"_id": _id_of(recipient), "nonce": nonce})
    if found is None:
        raise NotGood
    return recipient


def confirm(token: str) -> Recipient:
    """Take the yes; another time it changes nothing. Raises NotGood.

    A yes is used up by a no: the link that asked does not bring the mail back afterwards.
    """
    recipient, nonce = _read_confirming(token)
    now = datetime.now(UTC)
    asked = {"_id": _id_of(recipient), "nonce": nonce}
    change = {"$set": {"state": "confirmed", "confirmedAt": now}}
    if not recipients().update_one({**asked, "state": {"$ne": "confirmed"}}, change).modified_count:
        if recipients().find_one(asked) is None:
            raise NotGood
        return recipient
    _note(recipient, "recipient.confirmed")
    return recipient


def make_unsubscribing(recipient: Recipient) -> str:
    """The token of the link that stands in each mail."""
    return signing.dumps(_write(recipient), salt=_UNSUBSCRIBING)


def read_unsubscribing(token: str) -> Recipient:
    """Whose mail a link ends. Raises NotGood."""
    return _load(token, _UNSUBSCRIBING, None)[0]


def unsubscribe(token: str) -> Recipient:
    """Take the no; another time it changes nothing. Raises NotGood."""
    recipient = read_unsubscribing(token)
    id_ = _id_of(recipient)
    if recipients().find_one({"_id": id_, "state": "unsubscribed"}):
        return recipient
    now = datetime.now(UTC)
    made = {
        "project": recipient.project,
        "rule": recipient.rule,
        "address": recipient.address,
    }
    # Also of a member, who was never asked; and the link that asked is good for nothing any more.
    ended = {"state": "unsubscribed", "unsubscribedAt": now, "nonce": ""}
    recipients().update_one({"_id": id_}, {"$set": ended, "$setOnInsert": made}, upsert=True)
    _note(recipient, "recipient.unsubscribed")
    return recipient


def forget_rule(project: bytes, rule: str) -> None:
    """Whoever was asked for a rule that is removed."""
    recipients().delete_many({"project": project, "rule": rule})


def is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return text.isprintable()


def _id_of(recipient: Recipient) -> str:
    return recipient_id(recipient.project, recipient.rule, recipient.address)


def _write(recipient: Recipient) -> list[str]:
    return [recipient.project.hex(), recipient.rule, recipient.address]


def _read_confirming(token: str) -> tuple[Recipient, str]:
    recipient, nonce = _load(token, _CONFIRMING, LINK_LIFETIME)
    if not nonce:
        raise NotGood
    return recipient, nonce


def _load(token: str, salt: str, max_age: timedelta | None) -> tuple[Recipient, str]:
    if len(token) > MAX_TOKEN_CHARS:
        raise NotGood
    try:
        project, rule, address, *rest = cast(
            "list[str]", signing.loads(token, salt=salt, max_age=max_age)
        )
    except (signing.BadSignature, ValueError):
        raise NotGood from None
    return Recipient(bytes.fromhex(project), rule, address), rest[0] if rest else ""


def _note(recipient: Recipient, act: str) -> None:
    """By who has the address: it is their own doing, and nobody else's."""
    record("link in a mail", recipient.project.hex(), act, recipient.address, rule=recipient.rule)
