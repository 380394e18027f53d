"""Conditions as SQL: each is true or false and never null, so `NOT` keeps what has no value."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from reporting.columns.dialect.numbers import (
    bound_doubles,
    bound_integers,
    is_integer,
    read_number,
)
from reporting.columns.dialect.values import (
    Arguments,
    is_number,
    is_real,
    may_have,
    quote_re2,
    spell_text,
)
from reporting.questions.conditions import And, Compare, Condition, Did, Not, Or
from reporting.questions.fields import Field

_CONSTANTS = ("true", "false", "null")
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_TESTS = {"contains": "contains", "startsWith": "starts_with", "endsWith": "ends_with"}
_PATTERNS = {
    "is": r"\A(?:{})\z",
    "contains": "(?:{})",
    "startsWith": r"\A(?:{})",
    "endsWith": r"(?:{})\z",
}
# Each test is a part of the statement, and each pattern a program, beside the engine's memory.
_MOST_TESTS = 20
_PATTERN_CHARS = 4_096
_EMPTY = "x{0}"  # with an anchor, RE2 finds `(?:)` in the empty text alone


class Conditions:
    """Conditions on some rows.

    `column_of` names the column with a field, `value_of` the one with the JSON text of a property,
    `did` tells whether the person of an event did something, `match` names the column with what
    a pattern found in a text; without it the pattern stands where it is asked.
    """

    def __init__(
        self,
        arguments: Arguments,
        column_of: Callable[[Field], str],
        value_of: Callable[[Field], str],
        did: Callable[[Condition], str],
        match: Callable[[str, str], str] | None = None,
    ) -> None:
        self._arguments = arguments
        self._column_of = column_of
        self._value_of = value_of
        self._did = did
        self._name_match = match

    def compile(self, condition: Condition | None) -> str:
        """SQL that is true or false of every event; of no condition it is true."""
        match condition:
            case None:
                return "true"
            case And(parts):
                return self._join("AND", parts, "true")
            case Or(parts):
                return self._join("OR", parts, "false")
            case Not(part):
                return f"(NOT {self.compile(part)})"
            case Did(part):
                return self._did(part)
            case Compare():
                return self._compare(condition)

    def _join(self, word: str, parts: Sequence[Condition], empty: str) -> str:
        return f"({f' {word} '.join(map(self.compile, parts))})" if parts else empty

    def _compare(self, given: Compare) -> str:
        if given.field.is_property:
            passes = [*_hint(given), f"coalesce({self._compare_property(given)}, false)"]
            return f"({' AND '.join(passes)})"
        column = self._column_of(given.field)
        there = f"{column} IS NOT NULL"  # and no function around it: the file's indexes serve then
        if given.operator == "exists":
            return f"({there})"
        return f"({there} AND {self._test_text(given, column)})"

    def _compare_property(self, given: Compare) -> str:
        value = self._value_of(given.field)
        if given.operator == "exists":
            return f"({value} <> 'null')"
        if given.operator in _SIGNS:
            return self._compare_number(given, value)
        text = f"CASE WHEN starts_with({value}, '\"') THEN {value} ->> '$' END"
        if given.operator != "is":
            return self._test_text(given, text)
        if given.case_sensitive:
            return self._find_scalar(value, given.values, map(spell_text, _known(given.values)))
        others = self._find_scalar(value, given.values, ())
        return f"coalesce({self._test_text(given, text)}, {others})"

    def _test_text(self, given: Compare, text: str) -> str:
        """Whether a text, or null, passes."""
        values = _known(given.values)
        if given.operator == "matches":
            return _any(self._match(text, with_flags(given, value)) for value in values)
        if given.case_sensitive and given.operator == "is":
            return f"{text} IN ({self._arguments.add_all(values)})" if values else "false"
        if not given.case_sensitive or len(values) > _MOST_TESTS:
            pattern = f"{'' if given.case_sensitive else '(?i)'}{_PATTERNS[given.operator]}"
            return self._search(text, map(pattern.format, _join_quoted(values)))
        test = _TESTS[given.operator]
        return _any(f"{test}({text}, {self._arguments.add(value)})" for value in values)

    def _match(self, text: str, pattern: str) -> str:
        """As `_search`, of a pattern that somebody sent."""
        found = self._search(text, [pattern])
        return self._name_match(text, found) if self._name_match else found

    def _search(self, text: str, patterns: Iterable[str]) -> str:
        return _any(f"regexp_matches({text}, {self._arguments.add(each)})" for each in patterns)

    def _find_scalar(self, value: str, spelled: Sequence[str], texts: Iterable[str]) -> str:
        """Whether a property is one of `texts` or a number or constant that is spelled so."""
        same = [*texts, *(each for each in spelled if each in _CONSTANTS)]
        numbers = [n for each in spelled if (n := read_number(each)) is not None]
        same += [str(int(number)) for number in numbers if is_integer(number)]
        doubles = [float(number) for number in numbers if float(number) == number]
        tests = [f"{value} IN ({self._arguments.add_all(same)})"] if same else []
        if doubles:
            found = f"TRY_CAST({value} AS DOUBLE) IN ({self._arguments.add_all(doubles)})"
            is_double = f"{is_number(value)} AND {is_real(value)}"
            tests.append(f"CASE WHEN {is_double} THEN {found} ELSE false END")
        return _any(tests)

    def _compare_number(self, given: Compare, value: str) -> str:
        number = read_number(given.values[0])
        if number is None:
            return "false"
        sign, low = _SIGNS[given.operator], given.operator in ("gt", "lte")
        whole = self._arguments.add(bound_integers(number, low=low))
        real = self._arguments.add(bound_doubles(number, low=low))
        return (
            f"CASE WHEN NOT {is_number(value)} THEN false "
            f"WHEN {is_real(value)} THEN TRY_CAST({value} AS DOUBLE) {sign} {real} "
            f"ELSE TRY_CAST({value} AS BIGINT) {sign} {whole} END"
        )


def _hint(given: Compare) -> list[str]:
    """What the JSON of all properties of an event that passes contains: cheaper than to parse it.

    The engine tests it where it reads the events.
    """
    keys = given.field.keys[0]
    match given:
        case Compare(operator="is", values=(text,), case_sensitive=True) if (
            text not in _CONSTANTS and read_number(text) is None
        ):
            return [may_have(text)]
    return [may_have(keys[0])] if len(keys) == 1 else []  # a dot may be one of a key


def with_flags(given: Compare, pattern: str) -> str:
    """The dot is no line break, unless the pattern says so itself."""
    return f"(?{'' if given.case_sensitive else 'i'}-s){pattern}"


def _known(values: Iterable[str]) -> list[str]:
    """The values that an event can have: no half of a surrogate pair is stored."""
    return [value for value in values if value.isascii() or _is_utf8(value)]


def _join_quoted(values: Iterable[str]) -> Iterator[str]:
    """Patterns of RE2 that one of the values matches each; few, and none of them long."""
    joined: list[str] = []
    for value in values:
        joined.append(quote_re2(value) or _EMPTY)
        if sum(map(len, joined)) >= _PATTERN_CHARS:
            yield "|".join(joined)
            joined = []
    if joined:
        yield "|".join(joined)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _any(tests: Iterable[str]) -> str:
    return f"({' OR '.join(tests) or 'false'})"
