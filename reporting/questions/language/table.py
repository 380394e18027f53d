"""The body of POST /query as a typed question."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from functools import partial

from reporting.questions.bots import BOTS, Bots
from reporting.questions.conditions import Condition
from reporting.questions.fields import BadField, parse_named_field
from reporting.questions.language.filter import read_condition
from reporting.questions.language.json_body import Node, read_body
from reporting.questions.language.metrics import OF_GOALS, UnknownMetric, parse_metric
from reporting.questions.language.periods import (
    ALL,
    DEFAULT_PERIOD,
    Asked,
    Comparison,
    cut_elapsed,
    find_compared,
)
from reporting.questions.language.spans import add_units
from reporting.questions.language.window import (
    Fields,
    check_local,
    read_ends,
    read_window,
    read_zone,
)
from reporting.questions.params import Mistakes
from reporting.questions.table import Dimension, Metric, Order, Span, TableQuery, Unit
from reporting.questions.units import UNITS
from reporting.questions.window import EDGE, Window

MAX_METRICS = 10
MAX_DIMENSIONS = 2
MAX_ROWS = 10_000
DEFAULT_ROWS = 100
MAX_SKIPPED = 1_000_000

TIME = "time:"
FIELDS = (
    "metrics", "dimensions", "start", "end", "period", "timezone", "filter", "goal", "bots",
    "compare", "order", "limit", "offset",
)  # fmt: skip

_OF_TABLES = ("order", "limit", "offset")
_DIRECTIONS = {"asc": False, "desc": True}
_COMPARISONS: tuple[Comparison, ...] = ("previous", "year")


@dataclass(frozen=True, slots=True)
class Asker:
    """The project that asks, as of `now` (whole milliseconds), and its ways where a question
    says nothing. Of its events only those that pass `restriction` are there for who asks."""

    project: bytes
    now: datetime
    timezone: tzinfo
    raw_horizon: datetime | None = None
    leaves_out_bots: bool = False
    restriction: Condition | None = None

    @property
    def visit_zone(self) -> str:
        """The zone whose midnights end visits: that of the project, whatever a question says."""
        return str(self.timezone)


def parse_table_query(body: bytes, asker: Asker) -> TableQuery:
    """Raises BadRequest, with the code and the place of each mistake."""
    root = read_body(body)
    fields, mistakes = root.fields(FIELDS), root.mistakes
    metrics = _read_metrics(fields, mistakes)
    dimensions = _read_dimensions(fields)
    zone = read_zone(fields, asker.timezone)
    asked = read_window(fields, zone, asker.now, mistakes, default=DEFAULT_PERIOD)
    compared = _read_compare(fields, asked, zone, asker.now)
    goal = _read_condition(fields, "goal")
    if "goal" not in fields and any(metric.name in OF_GOALS for metric in metrics):
        mistakes.refuse("goal", "missing_field", f"is required for {' and '.join(OF_GOALS)}")
    query = TableQuery(
        project=asker.project,
        metrics=metrics,
        dimensions=dimensions,
        span=Span(window=asked.window if asked else Window()),
        timezone=zone,
        condition=_read_condition(fields, "filter"),
        goal=goal,
        bots=read_bots(fields, leaves_out_bots=asker.leaves_out_bots),
        compare=Span(window=compared) if compared else None,
        now=asker.now,
        raw_horizon=asker.raw_horizon,
        visit_zone=asker.visit_zone,
        restriction=asker.restriction,
    )
    query = _read_page(fields, mistakes, query)
    mistakes.check()
    query = add_units(query, mistakes)
    mistakes.check()
    return query


def read_bots(fields: Fields, *, leaves_out_bots: bool) -> Bots:
    default: Bots = "excluded" if leaves_out_bots else "included"
    node = fields.get("bots")
    if node is None:
        return default
    if isinstance(node.value, bool):
        return "included" if node.value else "excluded"
    if node.value == "only":
        return BOTS["only"]
    node.refuse("bad_bots", "is none of true, false, only")
    return default


def _read_metrics(fields: Fields, mistakes: Mistakes) -> tuple[Metric, ...]:
    if "metrics" not in fields:
        mistakes.refuse("metrics", "missing_field", "is required")
        return ()
    found: dict[str, Metric] = {}
    for node in fields["metrics"].items("bad_metrics", 1, MAX_METRICS):
        text = node.text()
        if text is None:
            continue
        if text in found:
            node.refuse("bad_metrics", "is there twice")
            continue
        try:
            found[text] = parse_metric(text)
        except UnknownMetric as exc:
            node.refuse("unknown_metric", str(exc))
        except BadField as exc:
            node.refuse("unknown_field", str(exc))
    return tuple(found.values())


def _parse_dimension(text: str) -> Dimension:
    name = text.removeprefix(TIME)
    if name == text:
        return parse_named_field(text)
    if name not in UNITS:
        raise BadField(f"is none of {', '.join(TIME + unit for unit in UNITS)}")
    return Unit(name)


def _read_dimensions(fields: Fields) -> tuple[Dimension, ...]:
    if "dimensions" not in fields:
        return ()
    found: list[Dimension] = []
    for node in fields["dimensions"].items("bad_dimensions", 0, MAX_DIMENSIONS):
        dimension = node.parse("unknown_field", _parse_dimension)
        if dimension is None:
            continue
        if isinstance(dimension, Unit) and any(isinstance(other, Unit) for other in found):
            node.refuse("bad_dimensions", "is a second unit of time")
        elif dimension in found:
            node.refuse("bad_dimensions", "is there twice")
        found.append(dimension)
    return tuple(found)


def _read_condition(fields: Fields, name: str) -> Condition | None:
    return read_condition(fields[name]) if name in fields else None


def _read_compare(
    fields: Fields, asked: Asked | None, zone: tzinfo, now: datetime
) -> Window | None:
    node = fields.get("compare")
    if node is None or asked is None:
        return None
    find: Callable[[], Window]
    if isinstance(node.value, dict):
        ends = node.fields(("start", "end"))
        window = read_ends(ends, zone, node.mistakes, f"{node.place}.")
        if window is None or asked.period == ALL:
            return window
        find = partial(cut_elapsed, asked.window, window, zone, now)
    elif node.value not in _COMPARISONS:
        node.refuse("bad_compare", f"is none of {', '.join(_COMPARISONS)} and no window")
        return None
    elif asked.period == ALL:
        node.refuse("bad_compare", "has nothing to compare with: nothing was before all")
        return None
    else:
        find = partial(find_compared, asked, node.value, zone, now)
    try:
        return check_local(find(), zone)
    except OverflowError:
        node.refuse("bad_window", EDGE)
        return None


def _read_page(fields: Fields, mistakes: Mistakes, query: TableQuery) -> TableQuery:
    if query.is_series:
        for name in _OF_TABLES:
            if name in fields:
                reason = "is not for a unit of time as the only dimension: all units are shown"
                fields[name].refuse(f"bad_{name}", reason)
        return query
    limit, offset = DEFAULT_ROWS, 0
    if "limit" in fields:
        limit = fields["limit"].number("bad_limit", 1, MAX_ROWS)
    if "offset" in fields:
        offset = fields["offset"].number("bad_offset", 0, MAX_SKIPPED)
    order: tuple[Order, ...] = (Order("metric", 0, descending=True),)
    if "order" in fields:
        order = _read_order(fields["order"], query) or order
    return replace(query, order=order, limit=limit, offset=offset)


def _read_order(node: Node, query: TableQuery) -> tuple[Order, ...]:
    places: dict[str, tuple[str, int]] = {}
    for index, dimension in enumerate(query.dimensions):
        places[name_dimension(dimension)] = ("dimension", index)
    for index, metric in enumerate(query.metrics):
        places[metric.text] = ("metric", index)
    found: dict[str, Order] = {}
    for pair in node.items("bad_order", 1, MAX_METRICS + MAX_DIMENSIONS):
        parts = pair.items("bad_order", 2, 2)
        texts = [part.text() for part in parts]
        if not parts or None in texts:
            continue
        name, direction = (text or "" for text in texts)
        if name not in places:
            parts[0].refuse("bad_order", "is none of the metrics and dimensions asked for")
        elif name in found:
            parts[0].refuse("bad_order", "is there twice")
        elif direction not in _DIRECTIONS:
            parts[1].refuse("bad_order", "is neither asc nor desc")
        else:
            of, index = places[name]
            is_metric = of == "metric"
            found[name] = Order(
                "metric" if is_metric else "dimension", index, _DIRECTIONS[direction]
            )
    return tuple(found.values())


def name_dimension(dimension: Dimension) -> str:
    """As it is asked for."""
    return TIME + dimension.name if isinstance(dimension, Unit) else dimension.name
