"""Reading query parameters strictly, and telling every mistake of a request at once."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from analytics.web.problems import BadRequest

MAX_REPORTED_ERRORS = 20
MAX_REPORTED_NAME_CHARS = 64

_WHOLE_NUMBER = re.compile(r"[0-9]{1,7}", re.ASCII)

T = TypeVar("T")


class MultiDict(Protocol):
    """What Django's QueryDict offers of use here."""

    def getlist(self, key: str) -> list[str]: ...
    def __iter__(self) -> Any: ...


class Mistakes:
    """What is wrong with one request, collected until `check`."""

    what = "fields"

    def __init__(self) -> None:
        self._errors: list[dict[str, str]] = []

    def refuse(self, field: str, code: str, reason: str) -> None:
        """Note that `field`, a parameter or a place, is wrong; `reason` completes the sentence."""
        self._errors.append({"field": field, "code": code, "detail": f"{field} {reason}."})

    def check(self) -> None:
        """Raise BadRequest if anything was refused: one mistake by its own code."""
        if not self._errors:
            return
        if len(self._errors) == 1:
            [error] = self._errors
            raise BadRequest(error["detail"], code=error["code"], errors=[error])
        raise BadRequest(
            f"{len(self._errors)} {self.what} are wrong; `errors` names them.",
            code="invalid_query",
            errors=self._errors[:MAX_REPORTED_ERRORS],
        )


class Parameters(Mistakes):
    """The parameters of one request."""

    what = "parameters"

    def __init__(self, given: MultiDict, known: Iterable[str]) -> None:
        super().__init__()
        self._given = given
        names = set(known)
        for name in given:
            if name not in names:
                cut = name[:MAX_REPORTED_NAME_CHARS]
                self.refuse(cut, "unknown_parameter", "is not a parameter of this endpoint")

    def take_all(self, name: str) -> list[str]:
        """Every value of a parameter that may be repeated."""
        return self._given.getlist(name)

    def take(self, name: str, *, required: bool = False) -> str | None:
        """The one value of a parameter; None when it is absent or refused."""
        values = self._given.getlist(name)
        if len(values) > 1:
            self.refuse(name, "repeated_parameter", "is given more than once")
            return None
        if not values and required:
            self.refuse(name, "missing_parameter", "is required")
        return values[0] if values else None

    def parse(
        self, name: str, code: str, parser: Callable[[str], T], *, required: bool = False
    ) -> T | None:
        """The value as `parser` reads it; its ValueError becomes a refusal with `code`."""
        text = self.take(name, required=required)
        if text is None:
            return None
        try:
            return parser(text)
        except ValueError as exc:
            self.refuse(name, code, str(exc) if text else "is empty")
            return None

    def number(self, name: str, code: str, *, low: int, high: int, default: int) -> int:
        """A whole number in `[low, high]`, in plain digits."""

        def parser(text: str) -> int:
            if not _WHOLE_NUMBER.fullmatch(text) or not low <= int(text) <= high:
                raise ValueError(f"is not a whole number from {low} to {high}")
            return int(text)

        value = self.parse(name, code, parser)
        return default if value is None else value

    def choice(self, name: str, code: str, choices: Mapping[str, T], default: T) -> T:
        def parser(text: str) -> T:
            if text not in choices:
                raise ValueError(f"is none of {', '.join(choices)}")
            return choices[text]

        value = self.parse(name, code, parser)
        return default if value is None else value
