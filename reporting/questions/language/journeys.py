"""The body of POST /query/journeys as a typed question."""

from typing import get_args

from reporting.questions.journeys import JourneyField, JourneysQuery
from reporting.questions.language.common import COMMON, Body
from reporting.questions.language.json_body import read_body
from reporting.questions.language.table import DEFAULT_ROWS, MAX_ROWS, Asker

MIN_VALUES, MAX_VALUES = 2, 8
DEFAULT_VALUES = 4
JOURNEYS_FIELDS = ("steps", "field", "from", "limit", *COMMON, "filter")
JOURNEY_VALUES: tuple[JourneyField, ...] = get_args(JourneyField)


def parse_journeys_query(body: bytes, asker: Asker) -> JourneysQuery:
    """Raises BadRequest, with the code and the place of each mistake."""
    root = read_body(body)
    read = Body(root.fields(JOURNEYS_FIELDS), root.mistakes)
    condition, origin = read.conditions("filter", "from")
    query = JourneysQuery(
        **read.read_common(asker),
        steps=read.number("steps", "bad_steps", MIN_VALUES, MAX_VALUES, DEFAULT_VALUES),
        field=read.choice("field", "unknown_field", JOURNEY_VALUES, "path"),
        origin=origin,
        condition=condition,
        limit=read.number("limit", "bad_limit", 1, MAX_ROWS, DEFAULT_ROWS),
    )
    read.mistakes.check()
    return query
