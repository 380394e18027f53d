"""Whether the engine takes the patterns of a filter, before anything is begun."""

import time

from django.conf import settings

from analytics.databases.export_documents import ExportQuery
from exchange.outgoing.asking import read_question
from reporting.columns.dialect.patterns import check_patterns
from reporting.columns.slots import run


def check_filter(project_id: bytes, query: ExportQuery) -> None:
    """Raises BadRequest (`bad_pattern`), and what `run` raises."""
    _, condition = read_question(query)
    if condition is not None:
        deadline = time.monotonic() + settings.QUERY_TIMEOUT_SECONDS
        run(project_id, deadline, lambda engine: check_patterns(engine, condition))
