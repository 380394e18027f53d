"""Who comes back, by when they came first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard.address.view import View
from dashboard.asking import Desk
from dashboard.parts.questions.given import Given, Pairs, without
from dashboard.parts.questions.steps import Step
from people.saved.filters import Json
from reporting.questions.language.retention import DEFAULT_PERIODS, MAX_PERIODS
from reporting.words.formats import format_count, format_exact, format_share, name_unit

BY = {"user": "Users", "visitor": "Visitors"}
INTERVALS = {"day": "Day", "week": "Week", "month": "Month"}
# How many shades a cell may have.
SHADES = 9
_DEFAULTS = (("every", "week"), ("units", str(DEFAULT_PERIODS)), ("by", "user"))


@dataclass(frozen=True, slots=True)
class Retention:
    """As it is asked; `cohort` and `back` are any event where they are None."""

    interval: str
    periods: int
    by: str
    cohort: Step | None
    back: Step | None

    def write(self) -> Pairs:
        pairs = [("every", self.interval), ("units", str(self.periods)), ("by", self.by)]
        steps = [("cohort", str(self.cohort or "")), ("return", str(self.back or ""))]
        return without(_DEFAULTS, [*pairs, *steps])


@dataclass(frozen=True, slots=True)
class Cell:
    """One that has not begun is `to_come`; one that is not over is `partial`."""

    text: str
    exact: str
    title: str
    shade: int
    is_partial: bool
    is_to_come: bool


@dataclass(frozen=True, slots=True)
class CohortRow:
    label: str
    title: str
    people: str
    exact: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class RetentionResult:
    unit: str
    who: str
    units: range
    cohorts: Sequence[CohortRow]
    has_people: bool
    has_partial: bool
    by_visitor: str  # the view that counts visitors


def read_retention(given: Given) -> Retention:
    return Retention(
        interval=given.choose("every", INTERVALS, "week"),
        periods=given.number("units", 1, MAX_PERIODS, DEFAULT_PERIODS),
        by=given.choose("by", BY, "user"),
        cohort=given.step("cohort"),
        back=given.step("return"),
    )


def write_retention(view: View, asked: Retention) -> Json:
    """The filters pick the events there are, for coming first and for coming back."""
    return {
        **view.named,
        "interval": asked.interval,
        "periods": asked.periods,
        "by": asked.by,
        "cohort": _both(view.condition, asked.cohort),
        "return": _both(view.condition, asked.back),
    }


def show_retention(desk: Desk, view: View, asked: Retention) -> RetentionResult:
    """Raises BadRequest and Unavailable, as asking does."""
    cohorts = desk.ask_retention(write_retention(view, asked))["cohorts"]
    begun = [each for each in cohorts if each["people"] is not None]
    most = max((len(_known(each)) for each in begun), default=0)
    others = tuple(pair for pair in view.kept if pair[0] != "by")
    return RetentionResult(
        unit=asked.interval,
        who=BY[asked.by].lower(),
        units=range(most),
        cohorts=[_show(asked.interval, each, most) for each in begun],
        has_people=any(each["people"] for each in begun),
        has_partial=any(each["partial"] for each in begun),
        by_visitor=view.shows(kept=(*others, ("by", "visitor"))) if asked.by == "user" else "",
    )


def _both(condition: Json | None, step: Step | None) -> Json | None:
    parts = [part for part in (condition, step and step.condition) if part]
    return {"and": parts} if len(parts) == 2 else parts[0] if parts else None


def _known(cohort: Json) -> list[int]:
    return [count for count in cohort["returned"] if count is not None]


def _show(interval: str, cohort: Json, most: int) -> CohortRow:
    start = datetime.fromisoformat(cohort["start"])
    label, title = name_unit(start, interval)
    people = cohort["people"]
    return CohortRow(
        label=label,
        title=title,
        people=format_count(people),
        exact=format_exact(people),
        cells=[
            _show_cell(count, people, is_partial=at in cohort["partial"])
            for at, count in enumerate(cohort["returned"][:most])
        ],
    )


def _show_cell(count: int | None, people: int, *, is_partial: bool) -> Cell:
    if count is None:
        return Cell("", "", "not yet", 0, is_partial=False, is_to_come=True)
    share = count / people if people else None
    title = f"{count:,} of {people:,}{', not over yet or cut by the window' if is_partial else ''}"
    # Who came at all is told from nobody.
    shade = 0 if not share else max(1, round(share * SHADES))
    text = format_share(share, 1 if share and share < 0.1 else 0)
    return Cell(text, format_exact(count), title, shade, is_partial, is_to_come=False)


def list_offers(asked: Retention) -> dict[str, Any]:
    return {"by": BY, "intervals": INTERVALS, "most_units": MAX_PERIODS}
