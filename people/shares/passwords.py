"""The password of a share link: kept as a hash, and what shows that somebody knew it.

That is a signed text for a cookie, which names the hash: another password, or the same one set
anew, ends it.
"""

import hashlib
import threading

from django.contrib.auth.hashers import check_password, make_password
from django.core import signing

from analytics.keys.failures import FailureLimit
from people.shares.models import ShareLink

OPEN_SECONDS = 12 * 3_600
LOCKED_SECONDS = 900
BY_LINK_AND_ADDRESS = FailureLimit("share password by link and address", 5, LOCKED_SECONDS)
# Wide, as with a narrow one anybody could keep the others out.
BY_LINK = FailureLimit("share password by link", 100, LOCKED_SECONDS)
BUSY_SECONDS = 60
MAX_PASSWORD_CHARS = 128

_SALT = "people.shares"
_WAIT_SECONDS = 10.0
# One at a time in a process, as at the door of the pages.
_looking = threading.Lock()


class PasswordLocked(Exception):
    """Too many wrong ones: nothing was looked at. `seconds` are to pass first."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds


def set_password(link: ShareLink, password: str) -> None:
    """Keep its hash on the link, unsaved; an empty one takes the password off."""
    link.password = make_password(password) if password else ""


def is_right(link: ShareLink, password: str, address: str) -> bool:
    """Whether `password` opens the link. Raises PasswordLocked."""
    if not _looking.acquire(timeout=_WAIT_SECONDS):
        raise PasswordLocked(BUSY_SECONDS)
    try:
        limits = (BY_LINK_AND_ADDRESS, f"{link.pk} {address}"), (BY_LINK, link.pk)
        if seconds := max(limit.check(subject) for limit, subject in limits):
            raise PasswordLocked(seconds)
        if len(password) <= MAX_PASSWORD_CHARS and check_password(password, link.password):
            return True
        for limit, subject in limits:
            limit.count(subject)
        return False
    finally:
        _looking.release()


def sign_opened(link: ShareLink) -> str:
    return signing.dumps({"link": link.pk, "of": _mark(link)}, salt=_SALT)


def is_opened(link: ShareLink, signed: str) -> bool:
    """Whether a text was signed for this link, its password, and within OPEN_SECONDS."""
    try:
        found = signing.loads(signed, salt=_SALT, max_age=OPEN_SECONDS)
    except signing.BadSignature:
        return False
    return bool(found == {"link": link.pk, "of": _mark(link)})


def _mark(link: ShareLink) -> str:
    return hashlib.sha256(link.password.encode()).hexdigest()[:32]
