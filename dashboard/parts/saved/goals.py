"""The goals of the page: who reached them, how often, and what they brought, by currency."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.address.named import GOAL, Named
from dashboard.address.saved import read_goal
from dashboard.address.view import View
from dashboard.asking import Desk
from dashboard.parts.rows import spell
from people.saved.filters import BadFilter
from people.saved.models import Goal
from reporting.words.fields import name_property
from reporting.words.formats import NOTHING, Number, format_count, format_exact, format_share

Json = dict[str, Any]

MAX_CURRENCIES = 10
NO_CURRENCY = "without currency"


@dataclass(frozen=True, slots=True)
class Revenue:
    """In one currency; None: of events that name none."""

    currency: str | None
    text: str
    exact: str


@dataclass(frozen=True, slots=True)
class Reached:
    reference: str
    name: str
    about: str
    people: str
    people_exact: str
    times: str
    times_exact: str
    rate: str
    rate_exact: str
    revenue: Sequence[Revenue]
    more_currencies: int
    address: str
    is_chosen: bool


def show_goals(desk: Desk, view: View, goals: Iterable[Goal]) -> list[Reached]:
    """All of one moment. Filters of events say what is looked for, and are left to the figures.

    Raises BadRequest and Unavailable, as asking does.
    """
    named = list(_read(goals))
    if not named:
        return []
    base: Json = {**view.named, "filter": view.beside_goal}
    bodies: list[Json] = [{**base, "metrics": ["visitors"]}]
    for goal, filter_ in named:
        both = {"and": [part for part in (view.beside_goal, filter_.condition) if part]}
        bodies.append({**base, "filter": both, "metrics": ["visitors", "events"]})
        if goal.amount_key:
            bodies.append({**base, "filter": both, **ask_revenue(goal)})
    whole, *answers = desk.ask(*bodies)
    rest = iter(answers)
    return [
        _show(view, goal, filter_, whole["totals"][0], next(rest),
              next(rest) if goal.amount_key else None)
        for goal, filter_ in named
    ]  # fmt: skip


def ask_revenue(goal: Goal) -> Json:
    """One sum a currency: no sum over several is ever asked for."""
    return {
        "metrics": [f"sum({name_property(goal.amount_key)})"],
        "dimensions": [name_property(goal.currency_key)],
        "limit": MAX_CURRENCIES,
    }


def _read(goals: Iterable[Goal]) -> Iterator[tuple[Goal, Named]]:
    for goal in goals:
        try:
            yield goal, read_goal(goal)
        except BadFilter:  # a condition that no release takes any more
            continue


def _show(
    view: View, goal: Goal, filter_: Named, whole: int, counts: Json, sums: Json | None
) -> Reached:
    people, times = counts["totals"]
    rate = people / whole if whole else None
    is_chosen = any(_is_of(each, goal) for each in view.filters)
    kept = tuple(each for each in view.filters if not each.chooses_events)
    rows = sums["results"] if sums else []
    return Reached(
        reference=goal.reference,
        name=goal.name,
        about=describe(goal),
        people=format_count(people),
        people_exact=format_exact(people),
        times=format_count(times),
        times_exact=format_exact(times),
        rate=format_share(rate, 2),
        rate_exact=format_exact(rate),
        revenue=[_show_revenue(row) for row in rows],
        more_currencies=max(0, sums["total"] - len(rows)) if sums else 0,
        address=view.shows(filters=kept if is_chosen else (*kept, filter_)),
        is_chosen=is_chosen,
    )


def describe(goal: Goal) -> str:
    """What it is, in words."""
    match goal.what:
        case Goal.What.EVENT:
            return f"event {goal.value}"
        case Goal.What.UNDER:
            return f"pages under {goal.value}"
        case _:
            return f"page {goal.value}"


def format_amount(amount: Number) -> str:
    """To the cent; of whole ones without."""
    if amount is None:
        return NOTHING
    return f"{amount:,.0f}" if amount == int(amount) else f"{amount:,.2f}"


def _show_revenue(row: Json) -> Revenue:
    [currency], [amount] = row["dimensions"], row["metrics"]
    name = None if currency is None else spell(currency)
    return Revenue(name, f"{format_amount(amount)} {name or NO_CURRENCY}", format_exact(amount))


def _is_of(each: object, goal: Goal) -> bool:
    return isinstance(each, Named) and each.operator == GOAL and each.values[0].endswith(goal.id)
