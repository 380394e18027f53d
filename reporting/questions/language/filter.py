"""Conditions as JSON: `{"field", "op", "values"}`, and `and`, `or`, `not`, `did` of them."""

import math
import re
from collections.abc import Iterable

from reporting.questions.conditions import (
    OPERATORS,
    And,
    Compare,
    Condition,
    Did,
    Not,
    Operator,
    Or,
)
from reporting.questions.fields import Field, parse_named_field, parse_own_field
from reporting.questions.language.json_body import Node
from reporting.questions.language.patterns import MOST_REPEATED, count_repeated

MAX_CONDITIONS = 100
MAX_LEVELS = 8
MAX_VALUES = 1_000
MAX_VALUE_CHARS = 2_048
MAX_PATTERNS = 10
MAX_PATTERN_BYTES = 500

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)

_OF_NUMBERS = ("gt", "gte", "lt", "lte")
_OF_PARTS = ("and", "or", "not", "did")
_LEAF = ("field", "op", "values", "caseSensitive")


def read_condition(node: Node, *, of_single_events: bool = False) -> Condition | None:
    """The condition that `node` is; None where anything in it was refused.

    One of single events is without `did`, and each field is the event's own.
    """
    return _Reader(of_single_events).read(node, 1)


def read_conditions(nodes: Iterable[Node]) -> list[Condition | None]:
    """As `read_condition` for each; what is limited is so in all of them together."""
    reader = _Reader(of_single_events=False)
    return [reader.read(node, 1) for node in nodes]


class _Reader:
    """Reads one filter; counts what is limited in the whole of it."""

    def __init__(self, of_single_events: bool) -> None:
        self._of_single_events = of_single_events
        self._parse_field = parse_own_field if of_single_events else parse_named_field
        self._conditions = 0
        self._patterns = 0

    def read(self, node: Node, level: int, *, in_did: bool = False) -> Condition | None:
        if level > MAX_LEVELS:
            node.refuse("filter_too_large", f"lies more than {MAX_LEVELS} levels deep")
            return None
        if not isinstance(node.value, dict):
            node.refuse("wrong_type", "is not an object")
            return None
        given = [name for name in _OF_PARTS if name in node.value]
        if not given:
            return self._compare(node)
        fields = node.fields(given[:1])
        part = fields[given[0]]
        if len(fields) < len(node.value):
            return None  # refused: nothing stands beside it
        match given[0]:
            case "and" | "or":
                items = part.items("bad_filter", 1, MAX_CONDITIONS)
                parts = [self.read(item, level + 1, in_did=in_did) for item in items]
                known = tuple(found for found in parts if found is not None)
                if not items or len(known) < len(parts):
                    return None
                return And(known) if given[0] == "and" else Or(known)
            case "not":
                found = self.read(part, level + 1, in_did=in_did)
                return found and Not(found)
        if in_did or self._of_single_events:
            where = "inside another" if in_did else "in a filter of single events"
            part.refuse("bad_filter", f"does not stand {where}")
            return None
        found = self.read(part, level + 1, in_did=True)
        return found and Did(found)

    def _compare(self, node: Node) -> Condition | None:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            if self._conditions == MAX_CONDITIONS + 1:
                reason = f"is one of more than {MAX_CONDITIONS} conditions"
                node.refuse("filter_too_large", reason)
            return None
        fields = node.fields(_LEAF)
        for name in ("field", "op"):
            if name not in fields:
                place = f"{node.place}.{name}"
                node.mistakes.refuse(place, "missing_field", "is required")
        named = fields.get("field")
        field = named.parse("unknown_field", self._parse_field) if named else None
        operator = _read_operator(fields.get("op"), field)
        case_sensitive = True
        if flag := fields.get("caseSensitive"):
            if not isinstance(flag.value, bool):
                flag.refuse("wrong_type", "is neither true nor false")
            case_sensitive = flag.value is not False
        if operator is None:
            return None
        values = self._read_values(node, fields.get("values"), operator)
        if field is None or values is None or len(fields) < len(node.value):
            return None
        return Compare(field, operator, values, case_sensitive)

    def _read_values(
        self, node: Node, values: Node | None, operator: Operator
    ) -> tuple[str, ...] | None:
        if operator == "exists":
            if values is not None and values.value != []:
                values.refuse("bad_value", "is given, and exists takes none")
                return None
            return ()
        if values is None:
            node.mistakes.refuse(f"{node.place}.values", "missing_field", "is required")
            return None
        most = 1 if operator in _OF_NUMBERS else MAX_VALUES
        items = values.items("bad_value", 1, most)
        texts = [self._read_value(item, operator) for item in items]
        known = tuple(text for text in texts if text is not None)
        return known if items and len(known) == len(texts) else None

    def _read_value(self, node: Node, operator: Operator) -> str | None:
        text = _spell(node)
        if text is None:
            return None
        if operator in _OF_NUMBERS and not (NUMBER.fullmatch(text) and math.isfinite(float(text))):
            node.refuse("bad_value", "is not a finite number")
            return None
        if operator == "matches":
            self._patterns += 1
            if self._patterns > MAX_PATTERNS:
                node.refuse("filter_too_large", f"is one of more than {MAX_PATTERNS} patterns")
                return None
            if len(text.encode()) > MAX_PATTERN_BYTES:
                reason = f"is a pattern of more than {MAX_PATTERN_BYTES} bytes"
                node.refuse("filter_too_large", reason)
                return None
            if count_repeated(text) > MOST_REPEATED:
                reason = f"it repeats more than {MOST_REPEATED} characters"
                node.refuse("bad_pattern", f"is a pattern that is refused: {reason}")
                return None
        return text


def _read_operator(node: Node | None, field: Field | None) -> Operator | None:
    text = node.text() if node else None
    if node is None or text is None:
        return None
    if text not in OPERATORS:
        node.refuse("bad_op", f"is none of {', '.join(OPERATORS)}")
        return None
    if text in _OF_NUMBERS and field is not None and not field.is_property:
        node.refuse("bad_op", f"is for properties; {field.name} is no number")
        return None
    return text


def _spell(node: Node) -> str | None:
    """A value as a text: a number, true, false and null by their spelling."""
    value = node.value
    if isinstance(value, str):
        text = str(value)
    elif value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    else:
        node.refuse("wrong_type", "is neither a text nor a number, true, false or null")
        return None
    if len(text) > MAX_VALUE_CHARS:
        node.refuse("bad_value", f"is longer than {MAX_VALUE_CHARS:,} characters")
        return None
    if "\x00" in text:
        node.refuse("bad_value", "holds a NUL")
        return None
    return text
