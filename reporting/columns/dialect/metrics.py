"""Metrics as aggregates of DuckDB's SQL, over the columns of `inputs`.

A number that may be an integer or a double is a struct of both, which orders as the number does:
`d` is the double next to it, `i` the integer of 64 bits (or the exact sum), null where it is none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from analytics.events.event import PAGEVIEW
from reporting.columns.dialect.values import quote_text
from reporting.questions.conditions import And, Compare, Condition, Not, Or
from reporting.questions.fields import Field
from reporting.questions.table import Metric

Kind = Literal["count", "double", "number"]

ENGAGEMENT = "$engagement"
VIEW = Field("properties.view", (("view",),))
CURRENCY = Field("properties.currency", (("currency",),))

EVERYTHING = Metric("everything", "everything")
"""All events, also those with reserved names, as `/stats` counts them."""

_COUNTS = {
    "everything": "count(*)",
    "views": f"count(*) FILTER (WHERE event = {quote_text(PAGEVIEW)})",
    "events": "count(*) FILTER (WHERE NOT starts_with(event, '$'))",
    "visitors": "count(DISTINCT visitor)",
    "users": 'count(DISTINCT "userId")',
    "conversions": "count(DISTINCT visitor) FILTER (WHERE converted)",
}
_RATE = f"{_COUNTS['conversions']} / nullif({_COUNTS['visitors']}, 0)"

ENGAGED = {
    "engagedSeconds": (Field("properties.seconds", (("seconds",),)), 3_600),
    "scrollDepth": (Field("properties.scroll", (("scroll",),)), 100),
}
"""What is taken of each view, and the most of it."""

OF_VISITS = {
    "visits": ('count("timestamp")', ""),
    "bounceRate": ('avg(CAST("visitBounced" AS INTEGER))', "visitBounced"),
    "visitDuration": ('avg("visitMs") / 1000', "visitMs"),
    "viewsPerVisit": ('avg("visitViews")', "visitViews"),
}
"""What is taken of visits, and the column of them that it is taken of.

Of a count that names no column the engine reads all of them, where files are put together.
"""

GOAL = ("conversions", "conversionRate")

_SCALE = "18446744073709551616.0::DOUBLE"  # a power of two: exact


@dataclass(frozen=True, slots=True)
class Measure:
    """An aggregate, and what kind of number it gives."""

    sql: str
    kind: Kind

    def order(self, column: str) -> list[str]:
        """What to sort by, null where the number is; each rises with it."""
        match self.kind:
            case "count":
                return [column]
            case "double":
                return [f"CASE WHEN isfinite({column}) THEN {column} END"]
            case "number":
                return [f"CASE WHEN isfinite({column}.d) THEN {column}.d END", f"{column}.i"]

    def is_something(self, column: str) -> str:
        """Whether it is neither 0 nor null."""
        number = f"{column}.d" if self.kind == "number" else column
        return f"coalesce({number} <> 0, false)"


def measure(metric: Metric, number_of: Callable[[Field], int]) -> Measure:
    """`number_of` is the number of a property among the inputs: p0 is its JSON text, k0 the one
    text of all that equal it, n0 its double and i0 its integer."""
    if metric.name in _COUNTS:
        return Measure(_COUNTS[metric.name], "count")
    if metric.name == "conversionRate":
        return Measure(_RATE, "double")
    if metric.name in ENGAGED:
        return Measure(f"avg({metric.name})", "double")
    if metric.name in OF_VISITS:
        return Measure(OF_VISITS[metric.name][0], "count" if metric.name == "visits" else "double")
    assert metric.field is not None
    n = number_of(metric.field)
    number, there = f"{{'d': n{n}, 'i': i{n}}}", f"FILTER (WHERE n{n} IS NOT NULL)"
    match metric.name:
        case "count":
            return Measure(f"count(k{n})", "count")
        case "unique":
            return Measure(f"count(DISTINCT k{n})", "count")
        case "sum":
            return Measure(_sum(n), "number")
        case "avg":
            return Measure(_average(n), "double")
        case "min" | "max":
            return Measure(f"{metric.name}({number}) {there}", "number")
    share = int(metric.name.removeprefix("p")) / 100
    return Measure(f"quantile_disc({number}, {share:.2f}) {there}", "number")


def is_zero(metric: Metric) -> bool:
    """Whether of nothing it is 0, and not null."""
    return metric.name in _COUNTS or metric.name in ("visits", "count", "unique", "sum")


def _sum(n: int) -> str:
    whole, real = f"coalesce(sum(i{n}), 0)", f"fsum(n{n}) FILTER (WHERE i{n} IS NULL)"
    mixed = f"{{'d': {whole}::DOUBLE + {real}, 'i': NULL::HUGEINT}}"
    return (
        f"CASE WHEN {real} IS NULL THEN {{'d': {whole}::DOUBLE, 'i': {whole}::HUGEINT}} "
        f"ELSE {mixed} END"
    )


def _average(n: int) -> str:
    """Where the sum is beyond what a double holds, of parts of the numbers."""
    whole, count = f"coalesce(sum(i{n}), 0)::DOUBLE", f"nullif(count(n{n}), 0)"
    real = f"coalesce(fsum(n{n}) FILTER (WHERE i{n} IS NULL), 0)"
    parts = f"coalesce(fsum(n{n} / {_SCALE}) FILTER (WHERE i{n} IS NULL), 0)"
    return (
        f"CASE WHEN isfinite({real}) THEN ({whole} + {real}) / {count} "
        f"ELSE ({whole} / {_SCALE} + {parts}) / {count} * {_SCALE} END"
    )


def is_mixed(metric: Metric, number_of: Callable[[Field], int]) -> str:
    """Whether a sum adds up more than one currency."""
    assert metric.field is not None
    key, there = f"k{number_of(CURRENCY)}", f"FILTER (WHERE n{number_of(metric.field)} IS NOT NULL)"
    return f"coalesce(min({key}) {there} <> max({key}) {there}, false)"


def leave_out_event(condition: Condition | None) -> Condition | None:
    """The condition without what it says about `event`; None where nothing is left.

    What is inside `did` stays: it is about other events.
    """
    match condition:
        case Compare(field=Field(name="event")):
            return None
        case And(parts) | Or(parts):
            left = tuple(part for each in parts if (part := leave_out_event(each)) is not None)
            return type(condition)(left) if left else None
        case Not(part):
            left_part = leave_out_event(part)
            return None if left_part is None else Not(left_part)
    return condition
