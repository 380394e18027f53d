"""Whose turn it is to ask ClickHouse, and what is said where it does not answer."""

import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar, cast

import structlog
from django.conf import settings

from analytics.databases.clickhouse import ClickHouseError
from analytics.remembered import forgets
from analytics.web.problems import Problem, Unavailable
from columns.files.remote import count_rows
from reporting.columns.slots import asks_as_guest, busy, cannot_read, failed, too_large, too_long
from reporting.columns.slots.turns import Turns
from reporting.columns.view import View

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 5


def is_asked() -> bool:
    """Whether there is one to ask."""
    return bool(settings.CLICKHOUSE_URL)


def run_there(
    project_id: bytes, deadline: float, view: View, work: Callable[["DuckDBPyConnection"], T]
) -> T:
    """As `slots.run`, of a view of remote segments; their rows are counted before it is believed.

    Raises what `run` does, Unavailable (`clickhouse_unavailable`), and Untranslatable.
    """
    from reporting.columns.clickhouse.engine import ClickHouse  # packages that few have

    guest = asks_as_guest()
    if not _turns().take(project_id, deadline, guest=guest):
        raise busy()
    try:
        result = work(cast("DuckDBPyConnection", ClickHouse(deadline)))
        _compare_rows(view, deadline)
        return result
    except ClickHouseError as exc:
        raise _tell(exc) from exc
    finally:
        _turns().give_back(project_id, guest=guest)


@cache
def _turns() -> Turns:
    return Turns(settings.QUERY_CONCURRENCY)


forgets(_turns.cache_clear)


def _compare_rows(view: View, deadline: float) -> None:
    """A file that is not there falls out without a word, and names are never given again: so all
    were there while the question was answered, if they are after it."""
    there = count_rows(view.segments, max(1.0, deadline - time.monotonic()))
    if there != view.segment_rows:
        log.error("columns_not_read", error=f"{there} rows, and {view.segment_rows} are listed")
        raise cannot_read()


def _tell(exc: ClickHouseError) -> Problem:
    """The text of the error, which may quote values of events, is not logged but for its start."""
    match exc.reason:
        case "time":
            return too_long()
        case "memory":
            return too_large()
        case "busy":
            return busy()
    log.error("clickhouse_failed", reason=exc.reason, error=_shorten(str(exc)))
    match exc.reason:
        case "files":
            return cannot_read()
        case "failed":
            return failed()
    return Unavailable(
        "ClickHouse, which answers questions here, does not at the moment.",
        code="clickhouse_unavailable",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def _shorten(text: str) -> str:
    return text.partition(" In scope")[0].partition("While processing")[0][:200]
