"""Values of a client's JSON as our fields take them. What cannot be one is None, as if absent."""

import re
from contextlib import suppress
from hashlib import sha256
from typing import Any

from analytics.events.event import MAX_EVENT_ID_CHARS

_NUMBERS = (int, float)  # and not bool, which is made of int
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def as_text(value: Any) -> str | None:
    """A text or a number, which some clients have for an id, as text; of an empty one None."""
    if value is None:
        return None
    if type(value) is str:
        return value or None
    return str(value) if type(value) in _NUMBERS else None


def as_number(value: Any) -> float | None:
    """A number; one beyond all that a float holds is none."""
    if isinstance(value, _NUMBERS):
        with suppress(OverflowError):
            return float(value)
    return None


def as_object(value: Any) -> dict[str, Any]:
    """An object; else an empty one."""
    return value if isinstance(value, dict) else {}


def as_event_id(value: Any) -> str | None:
    """A client's own id of an event, so that what it sends again counts once.

    One that no eventId may be, for its length or its characters, is known by its digest.
    """
    if type(value) is str and value.isprintable() and 0 < len(value) <= MAX_EVENT_ID_CHARS:
        return value  # as nearly every one is
    text = as_text(value)
    if text is None or (len(text) <= MAX_EVENT_ID_CHARS and _is_plain(text)):
        return text
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def _is_plain(text: str) -> bool:
    """Whether it holds no control character."""
    return text.isprintable() or not _CONTROL.search(text)


def cut(value: Any, most_chars: int) -> str | None:
    """A text, cut at `most_chars`."""
    text = value if type(value) is str else as_text(value)
    return text[:most_chars] if text else None


def if_short(value: Any, most_chars: int) -> str | None:
    """A text of at most `most_chars` without control characters: one that was cut means nothing."""
    text = value if type(value) is str else as_text(value)
    if not text or len(text) > most_chars:
        return None
    return text if text.isprintable() or not _CONTROL.search(text) else None
