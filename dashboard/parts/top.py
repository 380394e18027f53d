"""The figures and the curve: answered together, at one moment, so that they add up."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from analytics.events.moments import first_moment
from dashboard.address.view import View
from dashboard.address.windows import Ends, in_order, list_units, localise
from dashboard.asking import Desk
from dashboard.parts.bar import show_chip
from dashboard.parts.saved.marks import Mark, show_marks
from dashboard.parts.sparklines import draw_line
from dashboard.parts.top_shapes import Empty, Figure, Point, Top, UnitChoice
from reporting.questions.units import UnitName
from reporting.words.formats import format_day, format_ends, format_exact, name_unit
from reporting.words.metrics import (
    METRICS,
    OF_GOAL,
    OF_PAGE,
    OF_PEOPLE,
    SIX,
    Shown,
    tell_change,
)

Json = dict[str, Any]


def show_top(desk: Desk, view: View) -> Top:
    """Raises BadRequest and Unavailable, as asking does."""
    ends = find_ends(desk, view)
    metric = _choose_metric(view)
    unit = _choose_unit(view, ends)
    totals, series, *of_goal = desk.ask(*_write(desk, view, metric, unit))
    figures = [
        _show(view, name, answer, index, name == metric)
        for answer in (totals, *of_goal)
        for index, name in enumerate(answer["query"]["metrics"])
    ]
    order = _names(view)
    figures = sorted(
        (each for each in figures if each.name in order), key=lambda each: order.index(each.name)
    )
    marks = show_marks(desk, ends, series)
    shown, points = METRICS[metric], _show_points(series, METRICS[metric], unit, marks)
    window = format_ends(ends.start, ends.end)
    return Top(
        said=_say(figures[0], view, window),
        figures=figures,
        points=points,
        curve=_draw(series, points, shown, desk.now),
        line=draw_line([point.value or 0 for point in points if point.value is not None]),
        units=_list_units(view, ends, unit),
        metric=shown,
        window=window,
        compared=_tell_compared(totals, desk),
        fresh=datetime.fromisoformat(totals["meta"]["freshAsOf"]).astimezone(desk.zone),
        zone=str(desk.zone),
        empty=None if any(float(each.exact or 0) for each in figures) else explain(desk, view),
        holds_now=ends.start <= desk.now < ends.end,
        notes=_list_notes(totals, series),
        marks=marks,
    )


def _say(figure: Figure, view: View, window: str) -> str:
    filters = (show_chip(view, each).text for each in view.filters)
    return ", ".join([f"{figure.text} {figure.label.lower()}", *filters, window])


def explain(desk: Desk, view: View) -> Empty:
    """Why nothing is found: for the filters, or because it was at another time."""
    if view.filters:
        text = "Nothing in this window with these filters."
        return Empty(text, view.shows(filters=()), "f", "Take them off")
    text = "Nothing in this window."
    if not desk.project.is_active:
        text += " This project is inactive, so nothing of it is taken."
    latest = desk.find_latest()
    if latest is None:
        return Empty(text)
    day, there = f"{latest:%Y-%m-%d}", format_day(latest)
    return Empty(
        text,
        view.shows(period=None, start=day, end=day, unit=None),
        "period from to unit",
        f"The last event was on {there}: go there",
    )


def find_ends(desk: Desk, view: View) -> Ends:
    """The window in the project's zone; where it begins with the first event, that is asked."""
    window = view.read(desk.zone, desk.now).window
    first = desk.now
    if window.start is None:
        [found] = desk.ask({"metrics": ["views"], "period": "all", "bots": True})
        first = datetime.fromisoformat(found["query"]["start"])
    return localise(window, desk.zone, first)


def _names(view: View) -> tuple[str, ...]:
    names: tuple[str, ...] = OF_GOAL if view.goal else SIX
    if any(each.field == "path" for each in view.filters):
        names += OF_PAGE
    return names


def _choose_metric(view: View) -> str:
    names = _names(view)
    return view.metric if view.metric in names else names[0]


def _choose_unit(view: View, ends: Ends) -> UnitName:
    units = list_units(ends)
    return next((unit for unit in units if unit == view.unit), units[0])


def _list_units(view: View, ends: Ends, chosen: UnitName) -> list[UnitChoice]:
    units = in_order(list_units(ends))
    following = units[(units.index(chosen) + 1) % len(units)]
    return [
        UnitChoice(unit, unit == chosen, unit == following, view.shows(unit=unit)) for unit in units
    ]


def _write(desk: Desk, view: View, metric: str, unit: UnitName) -> list[Json]:
    """Of all figures, and of the curve; with a goal how often it happened asks for itself."""
    names = _names(view)
    base: Json = {**view.named, "compare": view.find_compared(desk.zone, desk.now)}
    if not view.goal:
        base["filter"] = view.condition
        return [
            {**base, "metrics": list(names)},
            {**base, "metrics": [metric], "dimensions": [f"time:{unit}"]},
        ]
    of_both = {**base, "filter": view.condition}
    of_people = {**base, "filter": view.beside_goal, "goal": view.goal}
    counted = [name for name in names if name not in ("events", *OF_PAGE)]
    beside = [name for name in names if name not in counted]
    of_curve = of_both if metric in beside else of_people
    return [
        {**of_people, "metrics": counted},
        {**of_curve, "metrics": [metric], "dimensions": [f"time:{unit}"]},
        {**of_both, "metrics": beside},
    ]


def _show(view: View, name: str, answer: Json, index: int, is_chosen: bool) -> Figure:
    shown, [row] = METRICS[name], answer["results"]
    value = row["metrics"][index]
    before, change = "", None
    if compare := row.get("compare"):
        before = shown.write(compare["metrics"][index])
        change = tell_change(
            shown,
            value,
            *(compare[part][index] for part in ("metrics", "change", "difference")),
        )
    return Figure(
        name=name,
        label=shown.label,
        text=shown.write(value),
        exact=format_exact(value),
        before=before,
        change=change,
        is_chosen=is_chosen,
        address=view.shows(metric=name),
        is_estimate=name in OF_PEOPLE and bool(answer["meta"]["uniques"]["error"]),
    )


def _show_points(series: Json, shown: Shown, unit: str, marks: Sequence[Mark]) -> list[Point]:
    at = {mark.index: mark for mark in marks}
    partial = set(series["meta"].get("partial", ()))
    points = []
    for index, row in enumerate(series["results"]):
        [start], [value] = row["dimensions"], row["metrics"]
        label, title = name_unit(datetime.fromisoformat(start), unit)
        compare: Mapping[str, Any] | None = row.get("compare")
        before = shown.write(compare["metrics"][0]) if compare else ""
        is_partial = start in partial
        points.append(
            Point(label, title, shown.write(value), value, before, is_partial, at.get(index))
        )
    return points


def _draw(series: Json, points: Sequence[Point], shown: Shown, now: datetime) -> Json:
    """What the curve is drawn from; nothing is after now, not in the other window either."""
    compared = [
        row["compare"]["metrics"][0] if datetime.fromisoformat(row["dimensions"][0]) < now else None
        for row in series["results"]
        if "compare" in row
    ]
    return {
        "metric": shown.name,
        "label": shown.label,
        "labels": [point.label for point in points],
        "titles": [point.title for point in points],
        "values": [point.value for point in points],
        "before": compared,
        "partial": [index for index, point in enumerate(points) if point.is_partial],
    }


def _tell_compared(totals: Json, desk: Desk) -> str:
    """The other window; where ours is not over it is as long as what has passed of that."""
    compare = totals["query"]["compare"]
    if not compare:
        return ""
    start, end = (
        datetime.fromisoformat(compare[name]).astimezone(desk.zone) for name in ("start", "end")
    )
    if end <= start:
        return format_day(start)
    asked = _read_ends(totals, desk)
    if asked.days and desk.now < asked.end and end != first_moment(end.date(), desk.zone):
        day_after = first_moment(end.date() + timedelta(days=1), desk.zone)
        return f"{format_ends(start, day_after.astimezone(desk.zone))}, until {end:%H:%M}"
    return format_ends(start, end)


def _read_ends(totals: Json, desk: Desk) -> Ends:
    texts = (totals["query"][name] for name in ("start", "end"))
    return Ends(*(datetime.fromisoformat(text).astimezone(desk.zone) for text in texts))


def _list_notes(totals: Json, series: Json) -> list[str]:
    """What the numbers are not, where they are not what one would think."""
    meta, notes = totals["meta"], []
    if "visitors" in meta["uniques"]:
        notes.append("Visitors without a user id count once a day.")
    if meta["uniques"]["error"]:
        notes.append(f"People are estimated, within {meta['uniques']['error']:.1%}.")
    if meta.get("timeZonePending"):
        notes.append(f"The time zone becomes {meta['timeZonePending']} at the next midnight.")
    if series["meta"].get("partial"):
        notes.append("Dashed: not over yet, or cut by the window.")
    return notes
