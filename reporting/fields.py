"""What a report can count by and filter on: a field of the stored event, by its wire name."""

import re
from dataclasses import dataclass
from typing import Any

from analytics.rollups.dimensions import DIMENSIONS

IDENTIFIERS = ("userId", "sessionId")
PROPERTY_PREFIX = "properties."
MAX_PROPERTY_KEY_CHARS = 128
MAX_PROPERTY_DEPTH = 32  # as deep as properties may be

_BAD_KEY = re.compile(r"[\x00-\x1f\x7f]")


class BadField(ValueError):
    """A name that is no field; its text says why."""


@dataclass(frozen=True, slots=True)
class Field:
    """A dimension, an identifier or, with `keys`, a value inside an event's properties."""

    name: str
    keys: tuple[str, ...] = ()

    @property
    def is_property(self) -> bool:
        return bool(self.keys)

    @property
    def is_dimension(self) -> bool:
        """Whether rollups count by it; everything else is answered from raw events."""
        return self.name in DIMENSIONS

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
        value: Any = "$properties"
        for key in self.keys:
            value = {
                "$let": {
                    "vars": {"parent": value},
                    "in": {
                        "$cond": [
                            {"$eq": [{"$type": "$$parent"}, "object"]},
                            {"$getField": {"field": {"$literal": key}, "input": "$$parent"}},
                            "$$REMOVE",
                        ]
                    },
                }
            }
        return value


PATH = Field("path")


def parse_dimension(name: str) -> Field:
    """A dimension or userId. Raises BadField."""
    if name in DIMENSIONS or name == "userId":
        return Field(name)
    raise BadField(f"is none of {', '.join((*DIMENSIONS, 'userId'))}")


def parse_field(name: str) -> Field:
    """A dimension, userId, sessionId or `properties.<key>`, dots for nesting. Raises BadField."""
    if name in DIMENSIONS or name in IDENTIFIERS:
        return Field(name)
    if name.startswith(PROPERTY_PREFIX):
        return Field(name, _parse_keys(name.removeprefix(PROPERTY_PREFIX)))
    known = ", ".join((*DIMENSIONS, *IDENTIFIERS))
    raise BadField(f"is none of {known} and not properties.<key>")


def _parse_keys(text: str) -> tuple[str, ...]:
    if len(text) > MAX_PROPERTY_KEY_CHARS:
        raise BadField(f"names a property key of more than {MAX_PROPERTY_KEY_CHARS} characters")
    if _BAD_KEY.search(text):
        raise BadField("holds a control character")
    keys = tuple(text.split("."))
    if not all(keys):
        raise BadField("has an empty part in its property key")
    if any(key.startswith("$") for key in keys):
        raise BadField("has a part that starts with $ in its property key")
    if len(keys) > MAX_PROPERTY_DEPTH:
        raise BadField(f"is nested more than {MAX_PROPERTY_DEPTH} levels deep")
    return keys
