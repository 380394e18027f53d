"""The values of a statement as parameters that ClickHouse binds itself, each with its type.

A long one is sent as a table of one row.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

from reporting.columns.dialect.numbers import INT64_MAX, INT64_MIN
from reporting.columns.untranslatable import Untranslatable

MAX_CHARS = 100_000
"""Of one value; a form has no room for one of 128 KiB."""


class Parameters:
    """What a statement is sent with, by name; of tables the row in JSON, and the structure."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.sent: dict[str, Any] = {}
        self.tables: dict[str, tuple[bytes, str]] = {}

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
            case list() if all(isinstance(each, int) for each in value):
                return self._add(name, value, "Array(Int64)")
        raise Untranslatable(f"an argument of type {type(value).__name__}")

    def _add(self, name: str, value: Any, type_: str) -> str:
        texts = list(map(str, value)) if isinstance(value, list) else [str(value)]
        if any("\ud800" <= character <= "\udfff" for each in texts for character in each):
            raise Untranslatable("half of a character")
        if sum(len(each) + 4 for each in texts) > MAX_CHARS:
            row = json.dumps({"value": value}, ensure_ascii=False)
            self.tables[name] = row.encode(), f"value {type_}"
            return f"(SELECT value FROM {name})"
        self.sent[name] = value
        return f"{{{name}:{type_}}}"
