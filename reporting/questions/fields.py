"""What a report can count by and filter on: a field of the stored event, by its wire name."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from analytics.events.properties import MAX_PROPERTIES_BYTES, MAX_PROPERTIES_DEPTH
from analytics.rollups.dimensions import DIMENSIONS

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
    """

    name: str
    keys: tuple[tuple[str, ...], ...] = ()

    @property
    def is_property(self) -> bool:
        return bool(self.keys)

    @property
    def is_dimension(self) -> bool:
        """Whether rollups count by it; everything else is answered from raw events."""
        return self.name in DIMENSIONS

    @property
    def may_be_absent(self) -> bool:
        return self.name not in ALWAYS_THERE

    @property
    def simple_key(self) -> str | None:
        """The key of a property that a path of MongoDB finds as the expression does."""
        if len(self.keys) != 1 or len(self.keys[0]) != 1:
            return None
        [[key]] = self.keys
        return None if not key or "." in key or key.startswith("$") else key

    @property
    def counts_events(self) -> bool:
        """Whether its values are ranked by events: custom events carry names and properties.

        Everything else is ranked by views.
        """
        return self.name == "event" or self.is_property

    @property
    def expression(self) -> Any:
        """The field's value as an aggregation expression; missing where an event has none.

        A property is reached through objects only, never into arrays, and its keys are passed
        as literals: they cannot become operators or variables.
        """
        if not self.keys:
            return f"${self.name}"
        value: Any = f"${PROPERTIES}"
        for parts in self.keys:
            value = _look_up(value, parts)
        return value


def _look_up(parent: Any, parts: Sequence[str]) -> Any:
    """`a.b.c` is the key `a.b.c`, else the key `b.c` in `a`, else `c` in `b` in `a`."""
    if len(parts) == 1:
        return _get(parent, parts[0])
    found: dict[str, Any] = {}
    for index, key in enumerate(parts):
        found[f"found{index}"] = _get(parent, ".".join(parts[index:]))
        parent = _get(parent, key)
    *first, last = [f"$${name}" for name in found]
    branches = [{"case": {"$ne": [{"$type": name}, "missing"]}, "then": name} for name in first]
    return {"$let": {"vars": found, "in": {"$switch": {"branches": branches, "default": last}}}}


def _get(parent: Any, key: str) -> Any:
    value = {"$getField": {"field": {"$literal": key}, "input": "$$parent"}}
    is_object = {"$eq": [{"$type": "$$parent"}, "object"]}
    return {
        "$let": {"vars": {"parent": parent}, "in": {"$cond": [is_object, value, "$$REMOVE"]}},
    }


PATH = Field("path")


def parse_dimension(name: str) -> Field:
    """A dimension or userId. Raises BadField."""
    if name in DIMENSIONS or name == "userId":
        return Field(name)
    raise BadField(f"is none of {', '.join((*DIMENSIONS, 'userId'))}")


def parse_field(name: str) -> Field:
    """A dimension, userId, sessionId or a property. Raises BadField.

    A property is `properties.<key>` with dots for nesting, or `properties["<key>"]`, where
    the key is a JSON string and means itself, or any sequence of both.
    """
    if name in DIMENSIONS or name in IDENTIFIERS:
        return Field(name)
    if name.startswith((f"{PROPERTIES}.", f'{PROPERTIES}["')):
        return Field(name, _parse_keys(name.removeprefix(PROPERTIES)))
    known = ", ".join((*DIMENSIONS, *IDENTIFIERS))
    raise BadField(f"is none of {known} and not properties.<key>")


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
