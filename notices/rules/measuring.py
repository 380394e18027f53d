"""What an alert looks at, as numbers."""

from dataclasses import dataclass
from typing import Any

from analytics.projects.models import Project
from notices.documents import AlertTerms, Number
from notices.rules.asking import Desk, find_goal, join, read_filters, read_goal
from notices.rules.slots import Slot
from people.saved.filters import Json

# Of what a metric is a share or a mean: so many of these there must be.
_BASES = {
    "bounceRate": "visits",
    "visitDuration": "visits",
    "viewsPerVisit": "visits",
    "conversionRate": "visitors",
    "engagedSeconds": "views",
    "scrollDepth": "views",
}
_COUNTED = ("count(", "sum(", "unique(")
OF_GOALS = ("conversions", "conversionRate")
IN_POINTS = ("bounceRate", "conversionRate")
"""Shares, whose change is told in points."""


@dataclass(frozen=True, slots=True)
class Measure:
    """The metric in a window, and in the one it is compared with; `base` is what it is judged by.

    The base of a number that counts something is that number itself.
    """

    value: Number
    before: Number = None
    change: Number = None
    difference: Number = None
    base: Number = None
    base_before: Number = None


def find_base(metric: str) -> str:
    """The metric that says how many there were to judge by."""
    if metric.endswith(")") and not metric.startswith(_COUNTED):
        return f"count{metric[metric.index('(') :]}"
    return _BASES.get(metric, metric)


def list_metrics(terms: AlertTerms) -> list[str]:
    return list(dict.fromkeys((terms["metric"], find_base(terms["metric"]))))


def write_question(project: Project, terms: AlertTerms) -> Json:
    """Of an alert, still without its window. Raises Broken."""
    conditions = read_filters(terms["filters"])
    body: Json = {"metrics": list_metrics(terms), "bots": False}
    if terms["goal"]:
        goal = read_goal(find_goal(project, terms["goal"]))
        if terms["metric"] in OF_GOALS:
            body["goal"] = goal
        else:
            conditions.append(goal)
    return body | {"filter": join(conditions)}


def measure(desk: Desk, terms: AlertTerms, slot: Slot, compared: Slot | None) -> Measure:
    """Raises Broken, and what asking does."""
    body = write_question(desk.project, terms) | desk.write(slot)
    if compared:
        body["compare"] = desk.write(compared)
    [answer] = desk.ask(body)
    [row] = answer["results"]
    return read_measure(row["metrics"], row.get("compare"))


def read_measure(metrics: list[Any], compare: Json | None) -> Measure:
    if compare is None:
        return Measure(metrics[0], base=metrics[-1])
    return Measure(
        value=metrics[0],
        before=compare["metrics"][0],
        change=compare["change"][0],
        difference=compare["difference"][0],
        base=metrics[-1],
        base_before=compare["metrics"][-1],
    )
