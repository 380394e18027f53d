"""Values of a question in the engine's SQL.

What somebody sent stands in no statement: it is an argument. Keys of properties are quoted one by
one, as constants.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from reporting.questions.fields import PROPERTIES, Field

_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_ESCAPES = {'"': r"\"", "\\": r"\\", "\b": r"\b", "\t": r"\t", "\n": r"\n"}
_ESCAPES |= {"\f": r"\f", "\r": r"\r"}


class Arguments:
    """The values of one statement, by the names that stand for them."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def add(self, value: Any) -> str:
        name = f"a{len(self.values)}"
        self.values[name] = value
        return f"${name}"

    def add_all(self, values: Iterable[Any]) -> str:
        return ", ".join(map(self.add, values))


def quote_text(text: str) -> str:
    """A constant of SQL. Raises ValueError for a NUL, at which a statement would end."""
    if "\x00" in text:
        raise ValueError("a constant with a NUL")
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quote_re2(text: str) -> str:
    """The pattern of RE2 that matches `text` alone."""
    return re.sub(r"[\x00-\x7f]", lambda found: _quote_character(found[0]), text)


def _quote_character(character: str) -> str:
    if character.isalnum() or character == "_":
        return character
    return r"\x00" if character == "\x00" else f"\\{character}"


def spell_text(text: str) -> str:
    """A JSON string as the engine writes it."""
    return f'"{_ESCAPED.sub(lambda found: _escape(found[0]), text)}"'


def _escape(character: str) -> str:
    return _ESCAPES.get(character) or f"\\u{ord(character):04X}"


def list_paths(field: Field) -> list[str]:
    """Where the first key of a property may stand: of `a.b.c` the key `a.b.c`, else `b.c` in `a`,
    else `c` in `b` in `a`."""
    return _list_paths(field.keys[0])


def look_up(found: str, keys: Iterable[Sequence[str]]) -> str:
    """The value under further keys of a JSON value, as the engine writes it in JSON."""
    for parts in keys:
        found = coalesce([f"json_extract({found}, {path})" for path in _list_paths(parts)])
    return f"CAST({found} AS VARCHAR)"


def coalesce(values: Sequence[str]) -> str:
    return f"coalesce({', '.join(values)})" if len(values) > 1 else values[0]


def may_have(text: str) -> str:
    """Whether the JSON of the properties, which need not be parsed for it, can have a key or text.

    It is written as it is where every writer of JSON writes it so.
    """
    if not (text.isascii() and text.isprintable()) or _ESCAPED.search(text):
        return "true"
    return f"contains({quote_name(PROPERTIES)}, {quote_text(spell_text(text))})"


def is_number(value: str) -> str:
    """Whether a property is a number, by the byte that its JSON begins with."""
    return f"({value} >= '-' AND {value} < ':')"


def is_real(value: str) -> str:
    """Whether a property that is a number is no integer, as it is written."""
    return f"(contains({value}, '.') OR contains({value}, 'e'))"


def _list_paths(parts: Sequence[str]) -> list[str]:
    splits = ([*parts[:index], ".".join(parts[index:])] for index in range(len(parts)))
    return [quote_text(_quote_path(keys)) for keys in splits]


def _quote_path(keys: Sequence[str]) -> str:
    """Quoted, a key is looked up in objects alone and is never a wildcard."""
    if list(keys) == [""]:
        return "/"  # a quoted key is never empty, and a pointer that is finds nothing in a list
    quoted = (key.replace("\\", "\\\\").replace('"', '\\"') for key in keys)
    return "$" + "".join(f'."{key}"' for key in quoted)
