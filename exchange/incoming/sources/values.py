"""Values of cells and of JSON as those of events."""

import re
from typing import Any, Final

_NOTHING: Final = ("", "\\N", "NULL", "null")
"""An empty cell, and how databases write that there is nothing."""
_YES: Final = frozenset({"true", "t", "1", "yes", "y"})
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")
_NO: Final = frozenset({"false", "f", "0", "no", "n"})


def as_text(value: object) -> str | None:
    """A text, None where there is none; numbers as they are written. Raises ValueError for more."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise ValueError("no text")
    return None if value in _NOTHING else value


def as_flag(value: object) -> bool | None:
    """Raises ValueError."""
    text = as_text(value)
    if text is None:
        return None
    folded = text.strip().lower()
    if folded in _YES or folded in _NO:
        return folded in _YES
    raise ValueError("neither true nor false")


def as_property(text: str) -> str | int | float | bool:
    """What a text says that is a property: numbers and truths as such, ids and codes as texts.

    A number is one that is written in the one way: `007`, `1e5` and more than 15 digits are not.
    """
    if text in ("true", "false"):
        return text == "true"
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    return float(text) if match[1] else int(text)


def take(row: dict[str, Any], name: str) -> str | None:
    """The text of a column, None where it has none or there is no such column."""
    value = row.get(name)
    return value if isinstance(value, str) and value not in _NOTHING else as_text(value)
