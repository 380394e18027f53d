"""The body of POST /query/funnel as a typed question."""

from typing import get_args

from reporting.questions.conditions import Condition
from reporting.questions.fields import parse_named_field
from reporting.questions.funnel import FunnelBy, FunnelOrder, FunnelQuery
from reporting.questions.language.common import COMMON, Body
from reporting.questions.language.filter import read_conditions
from reporting.questions.language.json_body import Node, read_body
from reporting.questions.language.table import DEFAULT_ROWS, MAX_ROWS, Asker

MIN_STEPS, MAX_STEPS = 2, 8
MAX_WITHIN_SECONDS = 90 * 86_400
DEFAULT_WITHIN_SECONDS = 86_400
FUNNEL_FIELDS = (
    "steps", "within", "by", "order", *COMMON, "filter", "dimension", "limit",
)  # fmt: skip
FUNNEL_BY: tuple[FunnelBy, ...] = ("visitor", "user", "visit")
FUNNEL_ORDERS: tuple[FunnelOrder, ...] = get_args(FunnelOrder)


def parse_funnel_query(body: bytes, asker: Asker) -> FunnelQuery:
    """Raises BadRequest, with the code and the place of each mistake."""
    root = read_body(body)
    read = Body(root.fields(FUNNEL_FIELDS), root.mistakes)
    condition, steps = _read_conditions(read)
    dimension = read.fields.get("dimension")
    query = FunnelQuery(
        **read.read_common(asker),
        steps=steps,
        within_seconds=read.number(
            "within", "bad_within", 1, MAX_WITHIN_SECONDS, DEFAULT_WITHIN_SECONDS
        ),
        by=read.choice("by", "bad_by", FUNNEL_BY, "visitor"),
        order=read.choice("order", "bad_order", FUNNEL_ORDERS, "any_between"),
        condition=condition,
        dimension=dimension.parse("unknown_field", parse_named_field) if dimension else None,
        limit=read.number("limit", "bad_limit", 1, MAX_ROWS, DEFAULT_ROWS),
    )
    read.mistakes.check()
    return query


def _read_conditions(read: Body) -> tuple[Condition | None, tuple[Condition, ...]]:
    """The filter and the steps."""
    nodes: list[Node] = []
    if "steps" in read.fields:
        nodes = read.fields["steps"].items("bad_steps", MIN_STEPS, MAX_STEPS)
    else:
        read.mistakes.refuse("steps", "missing_field", "is required")
    given = read.fields.get("filter")
    found = read_conditions([*([given] if given else []), *nodes])
    condition = found.pop(0) if given else None
    return condition, tuple(step for step in found if step is not None)
