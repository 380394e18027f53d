"""The bar above the page: window, comparison and filters, each a link to another view."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from dashboard.address.named import Named
from dashboard.address.view import COMPARISONS, View
from dashboard.address.windows import MORE_PERIODS, PERIODS, localise, move
from dashboard.asking import Desk
from people.saved.filters import Filter
from people.saved.words import tell_filter
from reporting.words.fields import FIELDS, OPERATORS
from reporting.words.formats import format_ends


@dataclass(frozen=True, slots=True)
class Choice:
    label: str
    address: str
    is_chosen: bool
    key: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter, and the view without it; `values` are the first of them, with what they show."""

    name: str
    field: str
    operator: str
    values: Sequence[tuple[str, str]]
    more: str
    text: str
    without: str


@dataclass(frozen=True, slots=True)
class Bar:
    window: str
    days: str
    first: str
    last: str
    periods: Sequence[Choice]
    before: str
    after: str
    comparison: str
    comparisons: Sequence[Choice]
    swapped: str
    chips: Sequence[Chip]
    cleared: str
    fixed: str
    zone: str
    fields: Sequence[tuple[str, str]]
    operators: Sequence[tuple[str, str]]
    hidden: Sequence[tuple[str, str]]


def show_bar(desk: Desk, view: View) -> Bar:
    """Without a question."""
    window = view.read(desk.zone, desk.now).window
    ends = localise(window, desk.zone, desk.now)
    is_all = window.start is None
    names = {**MORE_PERIODS, **{name: label for name, (label, _) in PERIODS.items()}}
    days = "" if is_all else format_ends(ends.start, ends.end)
    last = ends.end - timedelta(milliseconds=1)
    fixed = {"period": None, "start": ends.start.isoformat(), "end": ends.end.isoformat()}
    if ends.days:
        fixed |= {"start": f"{ends.start:%Y-%m-%d}", "end": f"{ends.end:%Y-%m-%d}"}
    return Bar(
        window=names[view.period] if view.period else days,
        days=days if view.period else "",
        first=f"{ends.start:%Y-%m-%d}",
        last=f"{last:%Y-%m-%d}",
        periods=[
            Choice(label, view.shows(period=name, start=None, end=None, unit=None),
                   name == view.period, key)
            for name, (label, key) in PERIODS.items()
        ],
        before=_move(desk, view, -1),
        after=_move(desk, view, 1),
        comparison=COMPARISONS[view.compare if view.is_compared else "off"],
        comparisons=[
            Choice(label, view.shows(compare=name), name == view.compare)
            for name, label in COMPARISONS.items()
        ],
        swapped=view.shows(compare="previous" if view.compare == "off" else "off"),
        chips=[show_chip(view, each) for each in view.filters],
        cleared=view.shows(filters=()),
        fixed="" if is_all else view.shows(**fixed),
        zone=str(desk.zone),
        fields=[(name, label) for name, label in FIELDS.items() if name != "properties"],
        operators=list(OPERATORS.items()),
        hidden=_list_hidden(view),
    )  # fmt: skip


def _move(desk: Desk, view: View, step: int) -> str:
    """The view of the window beside; empty where there is none, or all of it is to come."""
    window = view.read(desk.zone, desk.now).window
    if window.start is None:
        return ""
    ends = localise(window, desk.zone, desk.now)
    if step > 0 and ends.end > desk.now:
        return ""
    moved = move(ends, step, view.period)
    if moved is None:
        return ""
    return view.shows(period=None, start=moved["from"], end=moved["to"], unit=view.unit)


def show_chip(view: View, each: Filter) -> Chip:
    if isinstance(each, Named):
        return Chip(
            name=each.operator,
            field=each.operator.capitalize(),
            operator="",
            values=[(each.label, each.label)],
            more="",
            text=f"{each.operator.capitalize()} {each.label}",
            without=view.shows(filters=tuple(other for other in view.filters if other != each)),
        )
    told = tell_filter(each)
    return Chip(
        name=each.field,
        field=told.field,
        operator=told.operator,
        values=told.values,
        more=told.more,
        text=told.text,
        without=view.shows(filters=tuple(other for other in view.filters if other != each)),
    )


def _list_hidden(view: View) -> list[tuple[str, str]]:
    """What a form of the bar hands on as it is: all but the window."""
    pairs = [("compare", view.compare), ("metric", view.metric)]
    pairs += [("f", str(each)) for each in view.filters]
    pairs += view.tabs.items()
    pairs += view.kept
    return [*pairs, ("full", "1")] if view.is_full else pairs
