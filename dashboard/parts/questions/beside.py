"""Two values of a field side by side: the figures of each, and both curves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dashboard.address.view import View
from dashboard.address.windows import list_units
from dashboard.asking import Desk
from dashboard.parts.panels import write_question
from dashboard.parts.questions.given import Given, Pairs
from dashboard.parts.rows import spell
from dashboard.parts.top import find_ends
from people.saved.filters import BadFilter, Filter, Json, join, of_value, parse_filter
from reporting.words.fields import FIELDS, name_field, name_key
from reporting.words.formats import format_ends, format_exact, name_unit
from reporting.words.metrics import METRICS, SIX

OFFERED = 9
NAMES = ("one", "two")
_PICK_ONE = ("is", "unknown")


@dataclass(frozen=True, slots=True)
class Beside:
    """Each of the two is a filter on one value, which may be none; without `two` the largest."""

    field: str
    one: Filter | None = None
    two: Filter | None = None

    def write(self) -> Pairs:
        pairs = zip(NAMES, (self.one, self.two), strict=True)
        return tuple((name, str(each)) for name, each in pairs if each)

    @property
    def texts(self) -> tuple[str, str]:
        """As the form has them."""
        one, two = ("".join(each.values) if each else "" for each in (self.one, self.two))
        return one, two


@dataclass(frozen=True, slots=True)
class Side:
    """A value, and the view of the page that shows it alone; `key` is empty where it is none."""

    key: str
    label: str
    address: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A figure of both, as text and exact; `address` leads to its curve."""

    name: str
    label: str
    texts: Sequence[tuple[str, str]]
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class BesideResult:
    """`others` are what else the first can stand beside."""

    field: str
    title: str
    sides: Sequence[Side]
    pairs: Sequence[Pair]
    others: Sequence[Side]
    curve: Json
    metric: str
    window: str
    zone: str


def read_beside(given: Given) -> Beside:
    """By filters (`one=is:country:DE`), or by the form: a field and two texts."""
    if given.is_form("one"):
        field = given.field("field")
        texts = (given.values.get(f"{name}.what", "") for name in NAMES)
        found = [of_value("is", field, text) if field and text else None for text in texts]
    else:
        found = [_read_filter(given, name) for name in NAMES]
        field = next((each.field for each in found if each), "")
    one, two = found
    if one is None:
        one, two = two, None
    return Beside(field, one, two if two != one else None)


def _read_filter(given: Given, name: str) -> Filter | None:
    text = given.values.get(name)
    if not text:
        return None
    try:
        found = parse_filter(text)
        if found.operator not in _PICK_ONE or len(found.values) > 1:
            raise BadFilter("is not one value, as is:country:DE")
    except BadFilter as exc:
        given.refuse(name, text, str(exc))
        return None
    return found


def list_fields(asked: Beside) -> dict[str, Json]:
    fields = {name: label for name, label in FIELDS.items() if name != "properties"}
    if asked.field and asked.field not in fields:
        fields[asked.field] = name_field(asked.field)
    return {"fields": fields}


def show_beside(desk: Desk, view: View, asked: Beside) -> BesideResult | None:
    """None where nothing was picked, or nothing else is there. Raises what asking does."""
    if asked.one is None:
        return None
    view = replace(view, filters=tuple(each for each in view.filters if not _picks(each, asked)))
    [found] = desk.ask({**write_question(view, asked.one.field), "limit": OFFERED + 1})
    keys = [row["dimensions"][0] for row in found["results"]]
    largest = [of_value("is", asked.one.field, None if key is None else spell(key)) for key in keys]
    others = [each for each in largest if each not in (asked.one, asked.two)]
    two = asked.two or next(iter(others), None)
    if two is None:
        return None
    ends = find_ends(desk, view)
    units = list_units(ends)
    unit = view.unit if view.unit in units else units[0]
    metric = view.metric if view.metric in SIX else SIX[0]
    answers = desk.ask(*_write(view, (asked.one, two), metric, unit))
    totals, series = answers[::2], answers[1::2]
    sides = [_name(view, each) for each in (asked.one, two)]
    return BesideResult(
        field=asked.one.field,
        title=name_field(asked.one.field),
        sides=sides,
        pairs=[_pair(view, name, metric, totals) for name in SIX],
        others=[
            _offer(view, asked.one, each) for each in others[:OFFERED] if each != two
        ],
        curve=_draw(series, sides, asked.one.field, metric, unit),
        metric=METRICS[metric].label,
        window=format_ends(ends.start, ends.end),
        zone=str(desk.zone),
    )  # fmt: skip


def _picks(each: Filter, asked: Beside) -> bool:
    """Whether a filter of the page names values of the field: the two take its place."""
    return each.field == asked.field and each.operator in _PICK_ONE


def _write(view: View, sides: Sequence[Filter], metric: str, unit: str) -> list[Json]:
    """Of each its figures, and its curve."""
    bodies: list[Json] = []
    for side in sides:
        body = {**view.named, "filter": join((*view.filters, side))}
        bodies += [
            {**body, "metrics": list(SIX)},
            {**body, "metrics": [metric], "dimensions": [f"time:{unit}"]},
        ]
    return bodies


def _name(view: View, side: Filter) -> Side:
    key = side.values[0] if side.values else None
    address = view.shows(filters=(*view.filters, side), kept=())
    return Side(key or "", name_key(side.field, key)[0], address)


def _offer(view: View, one: Filter, other: Filter) -> Side:
    named = _name(view, other)
    kept = Beside(one.field, one, other).write()
    return Side(named.key, named.label, view.shows(kept=kept))


def _pair(view: View, name: str, chosen: str, totals: Sequence[Json]) -> Pair:
    values = [answer["results"][0]["metrics"][SIX.index(name)] for answer in totals]
    shown = METRICS[name]
    texts = [(shown.write(value), format_exact(value)) for value in values]
    return Pair(name, shown.label, texts, view.shows(metric=name), name == chosen)


def _draw(
    series: Sequence[Json], sides: Sequence[Side], field: str, metric: str, unit: str
) -> Json:
    """As the curve of the page; the second value has the place of the other window."""
    first, second = (answer["results"] for answer in series)
    starts = [datetime.fromisoformat(row["dimensions"][0]) for row in first]
    names = [name_unit(start, unit) for start in starts]
    partial = set(series[0]["meta"].get("partial", ()))
    return {
        "metric": metric,
        "label": METRICS[metric].label,
        "labels": [label for label, _ in names],
        "titles": [title for _, title in names],
        "values": [row["metrics"][0] for row in first],
        "before": [row["metrics"][0] for row in second],
        "partial": [
            index for index, row in enumerate(first) if row["dimensions"][0] in partial
        ],
        "field": field,
        "sides": [[side.key, side.label] for side in sides],
    }  # fmt: skip
