"""What somebody did, in an address: `page:/pricing`, `under:/docs`, `event:signup:plan:pro`.

A backslash stands before a colon or a backslash that is meant itself.
"""

import re
from dataclasses import dataclass
from typing import Any

from people.saved.filters import BadFilter, check
from reporting.words.fields import name_property

Json = dict[str, Any]

KINDS = {"page": "Page is", "under": "Page begins with", "event": "Event is"}

_PART = re.compile(r"(?:[^\\:]|\\.)*", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r"([\\:])")


@dataclass(frozen=True, slots=True)
class Step:
    """Of an event it may also be said that it has a property, and what is in that."""

    kind: str
    what: str
    key: str = ""
    value: str = ""

    def __str__(self) -> str:
        """As it stands in an address."""
        parts = [self.kind, self.what]
        if self.kind == "event" and self.key:
            parts += [self.key, self.value] if self.value else [self.key]
        return ":".join(_SPECIAL.sub(r"\\\1", part) for part in parts)

    @property
    def label(self) -> str:
        if self.kind == "under":
            return f"{self.what}\N{HORIZONTAL ELLIPSIS}"
        if not (self.kind == "event" and self.key):
            return self.what
        return f"{self.what} ({self.key}{f': {self.value}' if self.value else ''})"

    @property
    def condition(self) -> Json:
        """As the query language has it."""
        if self.kind != "event":
            operator = "is" if self.kind == "page" else "startsWith"
            return {"field": "path", "op": operator, "values": [self.what]}
        named: Json = {"field": "event", "op": "is", "values": [self.what]}
        if not self.key:
            return named
        held: Json = {"field": name_property(self.key), "op": "exists"}
        if self.value:
            held |= {"op": "is", "values": [self.value]}
        return {"and": [named, held]}


def parse_step(text: str) -> Step:
    """Raises BadFilter."""
    parts = _split(text)
    most = 4 if parts[0] == "event" else 2
    if parts[0] not in KINDS or not 2 <= len(parts) <= most or not parts[1]:
        raise BadFilter("is none of page:<path>, under:<path> and event:<name>")
    step = Step(*parts)
    check(step.condition)
    return step


def _split(text: str) -> list[str]:
    parts, position = [], 0
    while match := _PART.match(text, position):
        parts.append(_ESCAPED.sub(r"\1", match[0]))
        position = match.end() + 1
        if position > len(text):
            return parts
        if text[position - 1] != ":":
            break
    raise BadFilter("ends with a backslash")
