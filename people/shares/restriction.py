"""The fixed filter of a share link: a condition on single events, as JSON of the query language."""

import json
import time
from typing import Any

from django.conf import settings

from analytics.web.problems import BadRequest
from reporting.columns.dialect.patterns import check_places
from reporting.columns.slots import run
from reporting.questions.conditions import Condition
from reporting.questions.language.filter import read_condition
from reporting.questions.language.json_body import Node
from reporting.questions.params import Mistakes

MAX_CHARS = 100_000


def read_restriction(text: str) -> Condition | None:
    """Of the stored text; empty: every event is there. Raises BadRequest."""
    return parse_restriction(json.loads(text)) if text else None


def parse_restriction(body: Any) -> Condition:
    """Raises BadRequest, with what is wrong in it."""
    mistakes = Mistakes()
    condition = read_condition(Node(body, "filter", mistakes), of_single_events=True)
    mistakes.check()
    assert condition is not None  # else it was refused
    return condition


def write_restriction(body: Any, project_id: bytes) -> str:
    """As it is stored, once an engine took its patterns. Raises BadRequest and Unavailable."""
    condition = parse_restriction(body)
    deadline = time.monotonic() + settings.QUERY_TIMEOUT_SECONDS
    run(project_id, deadline, lambda engine: check_places(engine, {"filter": condition}))
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if len(text) > MAX_CHARS:
        raise BadRequest(f"The filter is longer than {MAX_CHARS:,} characters.")
    return text
