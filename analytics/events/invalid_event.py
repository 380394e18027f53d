"""Why an event is refused, in the project's words."""

import re
from collections.abc import Mapping
from typing import Any

_MAX_FIELD_CHARS = 128


class InvalidEvent(Exception):
    """An event that is refused: which `field` (None: the whole), a `code`, a `detail`."""

    def __init__(self, field: str | None, code: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.code = code
        self.detail = detail

    def anew(self) -> "InvalidEvent":
        """The same, never raised.

        One that was raised and is kept is a cycle: its traceback leads to who keeps it, and to all
        that is in hand there.
        """
        return InvalidEvent(self.field, self.code, self.detail)

    def as_error(self) -> dict[str, Any]:
        return {"field": self.field, "code": self.code, "detail": self.detail}


_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_AT = re.compile(r" - at `\$\.?(.*)`\Z", re.DOTALL)
_CODES: Mapping[str, str] = {"length <=": "too_long", "length >=": "too_short"}


def explain(message: str) -> InvalidEvent:
    """A validation error of msgspec in the project's words (its messages are stable API)."""
    if match := _UNKNOWN.match(message):
        field = match[1][:_MAX_FIELD_CHARS]
        return InvalidEvent(field, "unknown_field", f"There is no field {field!r} in an event.")
    if match := _MISSING.match(message):
        return InvalidEvent(match[1], "missing_field", f"{match[1]} is required.")
    at = _AT.search(message)
    field_name = at[1] if at else None
    detail = _AT.sub("", message) + "."
    for sign, code in _CODES.items():
        if sign in message:
            return InvalidEvent(field_name, code, detail)
    return InvalidEvent(field_name, "wrong_type", detail)
