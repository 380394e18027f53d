"""How many come how far, step by step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.address.view import View
from dashboard.asking import Desk
from dashboard.parts.questions.given import Given, Pairs, without, write_seconds
from dashboard.parts.questions.steps import Step
from dashboard.parts.rows import spell
from reporting.questions.language.funnel import (
    DEFAULT_WITHIN_SECONDS,
    MAX_STEPS,
    MAX_WITHIN_SECONDS,
    MIN_STEPS,
)
from reporting.words.fields import FIELDS, name_field, name_key
from reporting.words.formats import format_count, format_duration, format_exact, format_share

Json = dict[str, Any]

BY = {"visitor": "Visitors", "user": "Users", "visit": "Visits"}
ORDERS = {"any_between": "Other events between are fine", "strict": "Nothing between"}
WITHIN = {
    "30m": "30 minutes", "1h": "1 hour", "1d": "1 day", "7d": "7 days", "30d": "30 days",
    "90d": "90 days",
}  # fmt: skip
MAX_GROUPS = 50
FIRST_ROWS = 3
_DEFAULTS = (
    ("within", write_seconds(DEFAULT_WITHIN_SECONDS)),
    ("by", "visitor"),
    ("order", "any_between"),
)


@dataclass(frozen=True, slots=True)
class Funnel:
    """As it is asked."""

    steps: tuple[Step, ...]
    within: int
    by: str
    order: str
    split: str

    @property
    def is_ready(self) -> bool:
        return len(self.steps) >= MIN_STEPS

    def write(self) -> Pairs:
        pairs = [("s", str(step)) for step in self.steps]
        pairs += [("within", write_seconds(self.within)), ("by", self.by)]
        return without(_DEFAULTS, [*pairs, ("order", self.order), ("split", self.split)])

    @property
    def rows(self) -> Sequence[Step | None]:
        """Of the form: the steps, and an empty row, at least three."""
        count = min(max(len(self.steps) + 1, FIRST_ROWS), MAX_STEPS)
        return [*self.steps, *[None] * (count - len(self.steps))]

    @property
    def spare(self) -> range:
        """The rows that are left, by their numbers."""
        return range(len(self.rows) + 1, MAX_STEPS + 1)

    @property
    def withins(self) -> dict[str, str]:
        own = write_seconds(self.within)
        return WITHIN if own in WITHIN else {own: own, **WITHIN}

    @property
    def within_text(self) -> str:
        return write_seconds(self.within)

    @property
    def within_label(self) -> str:
        return self.withins[self.within_text]


@dataclass(frozen=True, slots=True)
class Reached:
    """How many came so far; `went_on` is of those of the step before, `part` of the first."""

    label: str
    kind: str
    people: int
    text: str
    rate: str
    part: float
    went_on: str = ""
    lost: str = ""
    median: str = ""
    median_exact: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    key: str | None
    label: str
    steps: Sequence[Reached]


@dataclass(frozen=True, slots=True)
class FunnelResult:
    steps: Sequence[Reached]
    who: str
    whole_rate: str
    split: str
    split_label: str
    groups: Sequence[Group]


def read_funnel(given: Given) -> Funnel:
    return Funnel(
        steps=given.steps("s", MAX_STEPS),
        within=given.seconds("within", MAX_WITHIN_SECONDS, DEFAULT_WITHIN_SECONDS),
        by=given.choose("by", BY, "visitor"),
        order=given.choose("order", ORDERS, "any_between"),
        split=given.field("split"),
    )


def list_splits(funnel: Funnel) -> dict[str, str]:
    """Fields that are offered to split by, and the one that is asked for."""
    names = {name: label for name, label in FIELDS.items() if name != "properties"}
    if funnel.split and funnel.split not in names:
        names[funnel.split] = name_field(funnel.split)
    return names


def write_funnel(view: View, funnel: Funnel) -> Json:
    return {
        **view.named,
        "steps": [step.condition for step in funnel.steps],
        "within": funnel.within,
        "by": funnel.by,
        "order": funnel.order,
        "filter": view.condition,
        "dimension": funnel.split or None,
        "limit": MAX_GROUPS if funnel.split else None,
    }


def show_funnel(desk: Desk, view: View, funnel: Funnel) -> FunnelResult | None:
    """None where too little is asked. Raises BadRequest and Unavailable, as asking does."""
    if not funnel.is_ready:
        return None
    answer = desk.ask_funnel(write_funnel(view, funnel))
    steps = list(_show(funnel, answer["steps"]))
    groups = []
    for group in answer.get("groups", ()):
        key = None if group["dimension"] is None else spell(group["dimension"])
        label = name_key(funnel.split, key)[0]
        groups.append(Group(key, label, list(_show(funnel, group["steps"]))))
    return FunnelResult(
        steps=steps,
        who=BY[funnel.by].lower(),
        whole_rate=steps[-1].rate,
        split=funnel.split,
        split_label=name_field(funnel.split),
        groups=groups,
    )


def _show(funnel: Funnel, steps: Sequence[Json]) -> Iterator[Reached]:
    before = steps[0]["people"]
    for index, (step, each) in enumerate(zip(funnel.steps, steps, strict=True)):
        people, rate = each["people"], each["rate"]
        yield Reached(
            label=step.label,
            kind=step.kind,
            people=people,
            text=format_count(people),
            rate=format_share(rate),
            part=round(100 * (rate or 0), 2),
            went_on=format_share(each["stepRate"]) if index else "",
            lost=format_count(before - people) if index else "",
            median=format_duration(each["medianSeconds"]) if people and index else "",
            median_exact=format_exact(each["medianSeconds"]),
        )
        before = people
