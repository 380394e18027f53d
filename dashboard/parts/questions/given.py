"""Parameters of a question, as an address or a form has them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.http import QueryDict

from dashboard.parts.questions.steps import Step, parse_step
from people.saved.filters import BadFilter
from reporting.questions.fields import BadField, parse_named_field

MAX_TOLD_CHARS = 80
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
Pairs = tuple[tuple[str, str], ...]

_PARTS = ("kind", "what", "key", "value")
_LENGTH = re.compile(r"([0-9]{1,8})([smhd])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Given:
    """What is invalid is left out, and told in `wrong`; what is empty is not there."""

    values: QueryDict
    wrong: list[str] = field(default_factory=list)

    def choose(self, name: str, among: Iterable[str], default: str) -> str:
        text = self.values.get(name) or default
        if text in among:
            return text
        self.refuse(name, text, f"is none of {', '.join(among)}")
        return default

    def number(self, name: str, low: int, high: int, default: int) -> int:
        text = self.values.get(name) or str(default)
        if text.isascii() and text.isdecimal() and len(text) < 9 and low <= int(text) <= high:
            return int(text)
        self.refuse(name, text, f"is no number from {low} to {high}")
        return default

    def seconds(self, name: str, most: int, default: int) -> int:
        """A length of time as `30m` or `7d`."""
        text = self.values.get(name) or write_seconds(default)
        match = _LENGTH.fullmatch(text)
        if match and 1 <= (seconds := int(match[1]) * SECONDS[match[2]]) <= most:
            return seconds
        self.refuse(name, text, f"is no time as 30m, 12h or 7d, up to {write_seconds(most)}")
        return default

    def field(self, name: str) -> str:
        """A field of the query language, or none."""
        text = self.values.get(name, "")
        try:
            if text:
                parse_named_field(text)
        except BadField:
            self.refuse(name, text, "names no field")
            return ""
        return text

    def steps(self, name: str, most: int) -> tuple[Step, ...]:
        texts = self.values.getlist(name)
        columns = [self.values.getlist(f"{name}.{part}") for part in _PARTS]
        texts += [str(Step(*row)) for row in zip(*columns, strict=False) if row[1]]
        found: list[Step] = []
        for text in filter(None, texts):
            try:
                if len(found) == most:
                    raise BadFilter(f"is one of more than {most}")
                found.append(parse_step(text))
            except BadFilter as exc:
                self.refuse(name, text, str(exc))
        return tuple(found)

    def step(self, name: str) -> Step | None:
        found = self.steps(name, 1)
        return found[0] if found else None

    def is_form(self, name: str) -> bool:
        """Whether the form was sent, which an address writes shorter."""
        return f"{name}.kind" in self.values

    def refuse(self, name: str, text: str, reason: str) -> None:
        cut = (
            text
            if len(text) <= MAX_TOLD_CHARS
            else f"{text[:MAX_TOLD_CHARS]}\N{HORIZONTAL ELLIPSIS}"
        )
        self.wrong.append(f"{name}={cut} {reason}.")


def write_seconds(seconds: int) -> str:
    letter, size = next(
        (letter, size) for letter, size in reversed(SECONDS.items()) if seconds % size == 0
    )
    return f"{seconds // size}{letter}"


def without(defaults: Pairs, pairs: Iterable[tuple[str, str]]) -> Pairs:
    """The pairs that say something: neither what is so anyway, nor nothing."""
    return tuple(pair for pair in pairs if pair[1] and pair not in defaults)
