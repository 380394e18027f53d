"""JSON as it is taken from strangers: strict, bounded, and every value with its place."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from reporting.questions.params import MAX_REPORTED_NAME_CHARS, Mistakes

MAX_NESTING = 64

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)

T = TypeVar("T")


class Spelled(str):
    """A number, by how it was spelled."""

    __slots__ = ()


class BadJson(ValueError):
    """What is no JSON, or more than this takes of it; its text says why, as `is not ...`."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a body, and where it stands there; what is wrong with it goes to `mistakes`."""

    value: Any
    place: str
    mistakes: Mistakes

    def refuse(self, code: str, reason: str) -> None:
        self.mistakes.refuse(self.place or "body", code, reason)

    def fields(self, known: Iterable[str]) -> dict[str, "Node"]:
        """Those of an object; none of what is something else."""
        if not isinstance(self.value, dict):
            self.refuse("wrong_type", "is not an object")
            return {}
        names = tuple(known)
        found = {}
        for name, value in self.value.items():
            cut = name[:MAX_REPORTED_NAME_CHARS]
            node = Node(value, f"{self.place}.{cut}" if self.place else cut, self.mistakes)
            if name in names:
                found[name] = node
            else:
                node.refuse("unknown_field", f"is none of {', '.join(names)}")
        return found

    def items(self, code: str, low: int, high: int) -> list["Node"]:
        """Those of an array that has `low` to `high` of them, else none."""
        if not isinstance(self.value, list):
            self.refuse("wrong_type", "is not an array")
            return []
        if not low <= len(self.value) <= high:
            self.refuse(code, f"has not {low} to {high:,} items")
            return []
        return [
            Node(value, f"{self.place}[{index}]", self.mistakes)
            for index, value in enumerate(self.value)
        ]

    def text(self) -> str | None:
        if isinstance(self.value, str) and not isinstance(self.value, Spelled):
            return self.value
        self.refuse("wrong_type", "is not a text")
        return None

    def parse(self, code: str, parser: Callable[[str], T]) -> T | None:
        """The text as `parser` reads it; its ValueError becomes a refusal with `code`."""
        text = self.text()
        try:
            return None if text is None else parser(text)
        except ValueError as exc:
            self.refuse(code, str(exc) if text else "is empty")
            return None

    def number(self, code: str, low: int, high: int) -> int:
        """A whole number in `[low, high]`, in plain digits; `low` where it is refused."""
        value = self.value
        if (
            isinstance(value, Spelled)
            and _WHOLE_NUMBER.fullmatch(value)
            and low <= int(value) <= high
        ):
            return int(value)
        self.refuse(code, f"is not a whole number from {low} to {high:,}")
        return low


def read_json(body: bytes | str) -> Any:
    """The value that `body` is; numbers as Spelled. Raises BadJson.

    No key twice in an object, no NaN, no half of a surrogate pair, nothing but UTF-8.
    """
    try:
        text = body.decode() if isinstance(body, bytes) else body
        _check_nesting(text)
        value = json.loads(
            text,
            object_pairs_hook=_make_object,
            parse_int=Spelled,
            parse_float=Spelled,
            parse_constant=_refuse_constant,
        )
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as exc:
        raise BadJson(f"is not JSON: {exc.msg}, at character {exc.pos}") from None
    except UnicodeDecodeError:
        raise BadJson("is not UTF-8") from None
    except UnicodeEncodeError:
        raise BadJson("holds half of a surrogate pair") from None
    return value


def read_body(body: bytes) -> Node:
    """An object of JSON as the root of its places. Raises BadRequest."""
    mistakes = Mistakes()
    root = Node(None, "", mistakes)
    try:
        root = Node(read_json(body), "", mistakes)
    except BadJson as exc:
        root.refuse("invalid_json", str(exc))
    else:
        if not isinstance(root.value, dict):
            root.refuse("wrong_type", "is not an object")
    mistakes.check()
    return root


def _check_nesting(text: str) -> None:
    depth = 0
    for mark in _STRING.sub("", text):
        if mark in "[{":
            depth += 1
            if depth > MAX_NESTING:
                raise BadJson(f"is nested more than {MAX_NESTING} levels deep")
        elif mark in "]}":
            depth -= 1


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise BadJson(f"has the key {twice[:MAX_REPORTED_NAME_CHARS]!r} twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise BadJson(f"is not JSON: {name} is no number of it")
