"""Which ways visits go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.address.view import View
from dashboard.asking import Desk
from dashboard.parts.questions.given import Given, Pairs, without
from dashboard.parts.questions.steps import Step
from people.saved.filters import Json
from reporting.questions.language.journeys import DEFAULT_VALUES, MAX_VALUES, MIN_VALUES
from reporting.words.formats import format_count, format_share

OF = {"path": "Pages", "event": "Events and pages"}
SHOWN = 50
_DEFAULTS = (("steps", str(DEFAULT_VALUES)), ("of", "path"))


@dataclass(frozen=True, slots=True)
class Journeys:
    """As it is asked; they begin where the visit does, unless `origin` says with what."""

    steps: int
    of: str
    origin: Step | None

    def write(self) -> Pairs:
        pairs = [("steps", str(self.steps)), ("of", self.of)]
        return without(_DEFAULTS, [*pairs, ("begin", str(self.origin or ""))])


@dataclass(frozen=True, slots=True)
class Journey:
    """`part` is how long its bar is, of 100."""

    values: Sequence[str]
    visits: int
    text: str
    share: str
    part: float


@dataclass(frozen=True, slots=True)
class JourneysResult:
    journeys: Sequence[Journey]
    visits: int
    is_cut: bool


def read_journeys(given: Given) -> Journeys:
    return Journeys(
        steps=given.number("steps", MIN_VALUES, MAX_VALUES, DEFAULT_VALUES),
        of=given.choose("of", OF, "path"),
        origin=given.step("begin"),
    )


def write_journeys(view: View, asked: Journeys) -> Json:
    return {
        **view.named,
        "steps": asked.steps,
        "field": asked.of,
        "from": asked.origin and asked.origin.condition,
        "filter": view.condition,
        "limit": SHOWN,
    }


def show_journeys(desk: Desk, view: View, asked: Journeys) -> JourneysResult:
    """Raises BadRequest and Unavailable, as asking does."""
    answer = desk.ask_journeys(write_journeys(view, asked))
    found, visits = answer["journeys"], answer["visits"]
    most = max((each["visits"] for each in found), default=0)
    journeys = [
        Journey(
            values=each["values"],
            visits=each["visits"],
            text=format_count(each["visits"]),
            share=format_share(each["visits"] / visits),
            part=round(100 * each["visits"] / most, 2),
        )
        for each in found
    ]
    return JourneysResult(journeys, visits, is_cut=len(found) == SHOWN)


def list_offers(asked: Journeys) -> dict[str, Any]:
    return {"of": OF, "lengths": range(MIN_VALUES, MAX_VALUES + 1)}
