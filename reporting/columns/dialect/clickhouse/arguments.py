"""The values of a statement as parameters that ClickHouse binds itself, each with its type."""

import struct
from collections.abc import Mapping
from typing import Any

from reporting.columns.dialect.numbers import INT64_MAX, INT64_MIN
from reporting.columns.untranslatable import Untranslatable

MAX_CHARS = 100_000
"""Of one value; a form has no room for one of 128 KiB."""


class Parameters:
    """What a statement is sent with, by name."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.sent: dict[str, Any] = {}

    def write(self, name: str) -> str:
        """The SQL that stands for a value. Raises Untranslatable."""
        value = self._values[name]
        match value:
            case bool():
                return self._add(name, int(value), "Bool")
            case int():
                is_small = INT64_MIN <= value <= INT64_MAX
                return self._add(name, value, "Int64" if is_small else "Int128")
            case float():  # by its bits: no text is parsed
                bits = self._add(name, struct.pack("<d", value).hex(), "String")
                return f"reinterpretAsFloat64(unhex({bits}))"
            case str():
                return self._add(name, value, "String")
            case bytes():  # a parameter is text
                return f"unhex({self._add(name, value.hex(), 'String')})"
            case list() if all(isinstance(each, str) for each in value):
                return self._add(name, value, "Array(String)")
        raise Untranslatable(f"an argument of type {type(value).__name__}")

    def _add(self, name: str, value: Any, type_: str) -> str:
        texts = value if isinstance(value, list) else [str(value)]
        if sum(len(each) + 4 for each in texts) > MAX_CHARS:
            raise Untranslatable("a longer argument than a form takes")
        if any("\ud800" <= character <= "\udfff" for each in texts for character in each):
            raise Untranslatable("half of a character")
        self.sent[name] = value
        return f"{{{name}:{type_}}}"
