"""What a report can count by and filter on: a field of the stored event, by its wire name."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analytics.events.properties import MAX_PROPERTIES_BYTES, MAX_PROPERTIES_DEPTH
from analytics.rollups.dimensions import BOT, DIMENSIONS

ROLLED_UP = (*DIMENSIONS, BOT)
# What the query language knows by name, in its own order.
NAMED = (
    "path", "title", "event", "hostname", "userId", "sessionId", "language", "screen", "bot",
    "referrer", "source", "channel",
    "utmSource", "utmMedium", "utmCampaign", "utmContent", "utmTerm",
    "country", "region", "city", "browser", "browserVersion", "os", "osVersion", "device",
)  # fmt: skip
OF_VISITS = (*NAMED[NAMED.index("referrer") :], "entryPath", "exitPath")
"""What the query language asks of an event's visit: of the first pageview, but for the paths."""

IDENTIFIERS = ("userId", "sessionId")
ALWAYS_THERE = ("path", "event")
PROPERTIES = "properties"
MAX_PROPERTY_KEY_CHARS = MAX_PROPERTIES_BYTES  # no longer key was ever accepted

# A key as a JSON string in brackets, which may hold any character: properties["a:b"].
QUOTED_KEY = re.compile(r'\["(?:[^"\\]|\\.)*"\]', re.DOTALL)


class BadField(ValueError):
    """A name that is no field; its text says why."""


@dataclass(frozen=True, slots=True)
class Field:
    """A dimension, an identifier or, with `keys`, a value inside an event's properties.

    `keys` lead to it, one object after the other. Each is a key in its parts between dots: first
    as it is, then, where the object has no such key, as a key within a key. One part is literal.
    With `of_visit` it is not the event's own that is meant, but that of the event's visit.
    """

    name: str
    keys: tuple[tuple[str, ...], ...] = ()
    of_visit: bool = False

    @property
    def is_property(self) -> bool:
        return bool(self.keys)

    @property
    def is_dimension(self) -> bool:
        """Whether rollups count by it; everything else is answered from raw events."""
        return self.name in ROLLED_UP

    @property
    def may_be_absent(self) -> bool:
        return self.name not in ALWAYS_THERE

    @property
    def counts_events(self) -> bool:
        """Whether its values are ranked by events: custom events carry names and properties.

        Everything else is ranked by views.
        """
        return self.name == "event" or self.is_property


PATH = Field("path")


def parse_dimension(name: str) -> Field:
    """A dimension or userId. Raises BadField."""
    if name in ROLLED_UP or name == "userId":
        return Field(name)
    raise BadField(f"is none of {', '.join((*ROLLED_UP, 'userId'))}")


def parse_field(name: str) -> Field:
    """A dimension, userId, sessionId or a property. Raises BadField.

    A property is `properties.<key>` with dots for nesting, or `properties["<key>"]`, where
    the key is a JSON string and means itself, or any sequence of both.
    """
    if name in ROLLED_UP or name in IDENTIFIERS:
        return Field(name)
    if name.startswith((f"{PROPERTIES}.", f'{PROPERTIES}["')):
        return _parse_property(name)
    known = ", ".join((*ROLLED_UP, *IDENTIFIERS))
    raise BadField(f"is none of {known} and not properties.<key>")


def parse_named_field(name: str) -> Field:
    """Any field of the query language, of the event or of its visit. Raises BadField."""
    if name in OF_VISITS:
        return Field(name, of_visit=True)
    return _parse_own(name, (*NAMED, *OF_VISITS[-2:]))


def parse_own_field(name: str) -> Field:
    """A field of the query language, each the event's own. Raises BadField."""
    return _parse_own(name, NAMED)


def _parse_own(name: str, known: Sequence[str]) -> Field:
    if name in NAMED:
        return Field(name)
    if name.startswith((f"{PROPERTIES}.", f'{PROPERTIES}["')):
        return _parse_property(name)
    raise BadField(f"is none of {', '.join(known)} and not properties.<key>")


def _parse_property(name: str) -> Field:
    return Field(name, _parse_keys(name.removeprefix(PROPERTIES)))


def _parse_keys(text: str) -> tuple[tuple[str, ...], ...]:
    if len(text) > MAX_PROPERTY_KEY_CHARS:
        raise BadField(f"names a property key of more than {MAX_PROPERTY_KEY_CHARS:,} characters")
    keys = tuple(_read_keys(text))
    parts = [part for key in keys for part in key]
    if any("\x00" in part for part in parts):
        raise BadField("holds a NUL, which no property key has")
    try:
        "".join(parts).encode()
    except UnicodeEncodeError:
        raise BadField("holds half of a surrogate pair, which no property key has") from None
    if len(parts) > MAX_PROPERTIES_DEPTH:
        raise BadField(f"is nested more than {MAX_PROPERTIES_DEPTH} levels deep")
    return keys


def _read_keys(text: str) -> Iterator[tuple[str, ...]]:
    while text:
        if text.startswith('["'):
            quoted = QUOTED_KEY.match(text)
            if quoted is None:
                raise BadField('has a [" that no "] ends')
            try:
                yield (json.loads(quoted[0][1:-1], strict=False),)
            except ValueError:
                raise BadField("has brackets that do not hold a JSON string") from None
            text = text[quoted.end() :]
        elif text.startswith("."):
            end = text.find('["')
            parts = tuple(text[1 : None if end < 0 else end].split("."))
            if not all(parts):
                raise BadField(
                    'has an empty part in its property key; properties["…"] may be empty'
                )
            yield parts
            text = "" if end < 0 else text[end:]
        else:
            raise BadField("goes on after a ] without a dot")
