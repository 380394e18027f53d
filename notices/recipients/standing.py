"""Whether an address is mailed for a rule, and why not."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.contrib.auth.models import User

from notices.recipients.documents import RecipientDocument, fold, recipient_id, recipients
from people.accounts.addresses import is_claimed
from people.members.roles import role_of

LINK_LIFETIME = timedelta(days=7)
_MAX_ACCOUNTS = 5  # that share an address


class Standing(StrEnum):
    """Of an address with a rule; the first two are mailed."""

    MEMBER = "member"  # of the project, whose address is known to be theirs: needs no asking
    CONFIRMED = "confirmed"
    ASKED = "asked"
    EXPIRED = "expired"  # asked, and did not answer in time
    UNASKED = "unasked"  # also whoever was a member, and is none any more
    UNSUBSCRIBED = "unsubscribed"  # also a member, until they confirm anew


WANTED = (Standing.MEMBER, Standing.CONFIRMED)


def is_wanted(project: bytes, rule: str, address: str) -> bool:
    """As of now: to ask just before a mail is made, and before it is sent."""
    return find_standing(project, rule, address) in WANTED


def find_standing(project: bytes, rule: str, address: str) -> Standing:
    found = recipients().find_one({"_id": recipient_id(project, rule, address)})
    return _judge(project, address, found)


def list_standings(project: bytes, rule: str, addresses: Iterable[str]) -> dict[str, Standing]:
    ids = {address: recipient_id(project, rule, address) for address in addresses}
    found = {each["_id"]: each for each in recipients().find({"_id": {"$in": [*ids.values()]}})}
    return {address: _judge(project, address, found.get(id_)) for address, id_ in ids.items()}


def _judge(project: bytes, address: str, found: RecipientDocument | None) -> Standing:
    state = found["state"] if found else None
    if state == "unsubscribed":
        return Standing.UNSUBSCRIBED
    if is_of_project(project, address):
        return Standing.MEMBER
    if state == "confirmed":
        return Standing.CONFIRMED
    if found is None or state is None:
        return Standing.UNASKED
    is_late = found["askedAt"] + LINK_LIFETIME < datetime.now(UTC)
    return Standing.EXPIRED if is_late else Standing.ASKED


def is_of_project(project: bytes, address: str) -> bool:
    """Whether it is known to be the address of somebody who may look at the project now."""
    accounts = User.objects.filter(email__iexact=fold(address), is_active=True)
    return any(
        role_of(user, project.hex()) and not is_claimed(user) for user in accounts[:_MAX_ACCOUNTS]
    )
