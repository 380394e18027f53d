"""Which fields of an event hold no control character."""

import re
from operator import attrgetter
from typing import Final

from analytics.events.invalid_event import InvalidEvent

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NAMES: Final = ("event", "eventId", "userId", "sessionId", "hostname", "language", "screen")
_read_texts = attrgetter(
    "event", "event_id", "user_id", "session_id", "hostname", "language", "screen"
)


def refuse_controls(event: object) -> None:
    """Raises InvalidEvent for the first of an event's fields that holds one.

    All of them are searched as one text: which it was is asked only then.
    """
    texts = _read_texts(event)
    if not _CONTROL.search("".join(filter(None, texts))):
        return
    for name, text in zip(_NAMES, texts, strict=True):
        if text and _CONTROL.search(text):
            raise InvalidEvent(name, "control_character", f"{name} holds a control character.")
