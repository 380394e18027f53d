"""The service asked by tests: each question is answered by both engines, which say the same."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from functools import partial
from typing import Any
from unittest.mock import patch

from django.test import override_settings

from analytics.web.problems import Problem
from reporting.columns import answer_source
from reporting.columns.untranslatable import Untranslatable
from tests.query_oracle.sameness import is_same

_ask_at_once = answer_source._ask_at_once


@contextmanager
def asked(url: str, asked_of: Counter[str], **others: Any) -> Iterator[None]:
    """Counts who answered, under these other settings."""
    with ExitStack() as stack:
        stack.enter_context(override_settings(CLICKHOUSE_URL=url, CLICKHOUSE_FILES="", **others))
        stack.enter_context(patch.object(answer_source, "_ask_all", partial(ask_both, asked_of)))
        yield


def ask_both(asked_of: Counter[str], queries: Sequence[Any], work: Any) -> list[Any]:
    """What ClickHouse says, as DuckDB's answer; DuckDB's where it refuses."""
    if not queries:
        return []
    try:
        wanted, refused = _ask_at_once(queries, work, remote=False), None
    except Problem as exc:
        wanted, refused = [], exc
    try:
        got = _ask_at_once(queries, work, remote=True)
    except Untranslatable as exc:
        asked_of[f"DuckDB alone ({exc})"] += 1
        got = wanted
    except Problem as exc:
        # It reads no stored events in the place of a damaged segment.
        if exc.code != "columns_unavailable":
            assert refused is not None, exc
            assert (refused.code, str(refused.detail)) == (exc.code, str(exc.detail))
        asked_of[f"DuckDB, where ClickHouse refused ({exc.code})"] += 1
        got = wanted
    else:
        asked_of["both engines"] += 1
        assert refused is None, refused
    if refused is not None:
        raise refused
    for ours, theirs, query in zip(got, wanted, queries, strict=True):
        assert is_same(plain(ours), plain(theirs)), (query, ours, theirs)
    return [
        replace(each, provenance=replace(each.provenance, source=other.provenance.source))
        for each, other in zip(got, wanted, strict=True)
    ]


def plain(answer: Any) -> Any:
    """What it says, without when and by whom it was read."""
    return plainly({**asdict(answer), "provenance": None, "rows_read": None})


def plainly(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): plainly(each) for key, each in value.items()}
    return [plainly(each) for each in value] if isinstance(value, list | tuple) else value
