"""Where a list of events goes on: opaque, and of one question of one project only."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from django.utils.crypto import salted_hmac

from analytics.events.ids import datetime_of_ms, ms_of_datetime
from reporting.questions.listing import EventPlace
from reporting.questions.window import Window

MAX_CHARS = 128

_NUMBERS = struct.Struct(">qqq")
_TAG_BYTES = 16
_UNBOUNDED = -(2**63)


class BadCursor(ValueError):
    """A text that is no cursor of this question; its own text says so."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The window as the first page understood it, and the last event that was shown."""

    window: Window
    place: EventPlace


def write_cursor(cursor: Cursor, project: bytes, question: str) -> str:
    """`question` tells it from others of the project."""
    ends = (_ms_of(cursor.window.start), _ms_of(cursor.window.end))
    content = _NUMBERS.pack(*ends, cursor.place.timestamp_ms) + cursor.place.id
    return urlsafe_b64encode(_tag(content, project, question) + content).decode().rstrip("=")


def read_cursor(text: str, project: bytes, question: str) -> Cursor:
    """Raises BadCursor."""
    try:
        if len(text) > MAX_CHARS:
            raise ValueError
        sealed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        tag, content = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
        if not compare_digest(tag, _tag(content, project, question)):
            raise ValueError
        start, end, timestamp_ms = _NUMBERS.unpack_from(content)
    except (ValueError, struct.error):
        raise BadCursor("is no cursor of this question") from None
    window = Window(_moment_of(start), _moment_of(end))
    return Cursor(window, EventPlace(timestamp_ms, content[_NUMBERS.size :]))


def _tag(content: bytes, project: bytes, question: str) -> bytes:
    signed = project.hex() + content.hex() + question
    return salted_hmac("analytics.events", signed, algorithm="sha256").digest()[:_TAG_BYTES]


def _ms_of(moment: datetime | None) -> int:
    return _UNBOUNDED if moment is None else ms_of_datetime(moment)


def _moment_of(ms: int) -> datetime | None:
    return None if ms == _UNBOUNDED else datetime_of_ms(ms)
