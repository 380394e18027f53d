"""The client of ClickHouse, where CLICKHOUSE_URL names one; the one place that its driver is in.

A statement is read-only, has a time and a memory of its own, and ends when its client goes.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

import structlog
from django.conf import settings

from analytics.remembered import forgets

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

log = structlog.get_logger(__name__)

LEAST_VERSION: Final = (26, 9)
"""What the statements were tried with; an older one lacks types and words that they have."""

MAX_RESULT_ROWS: Final = 250_000
MAX_RESULT_BYTES: Final = 64 * 1024 * 1024
"""Of an answer, which is held whole: more is for nobody to read."""

NEVER_CUT: Final[dict[str, int | str]] = {
    "distinct_overflow_mode": "throw",
    "group_by_overflow_mode": "throw",
    "join_overflow_mode": "throw",
    "limit": 0,
    "offset": 0,
    "read_overflow_mode": "throw",
    "read_overflow_mode_leaf": "throw",
    "result_overflow_mode": "throw",
    "set_overflow_mode": "throw",
    "sort_overflow_mode": "throw",
    "timeout_overflow_mode": "throw",
    "timeout_overflow_mode_leaf": "throw",
    "transfer_overflow_mode": "throw",
}
"""A limit, of ours or of the user's profile, ends a statement: no answer is a part of one.

`limit` and `offset` of a profile are no limits but cut what is answered, so there are none.
"""

CONNECT_TIMEOUT_SECONDS: Final = 2
_PATIENCE_SECONDS: Final = 1.0  # beyond the time that the server itself keeps
_VERSION = re.compile(r"(\d+)\.(\d+)")

_TIME = 159
_MEMORY = 241
_TOO_MUCH = {158, 191, 307, 396}  # rows, rows of a set, bytes, or rows of a result
_MANY_QUERIES = 202
_OF_FILES = {36, 74, 76, 107, 117, 481, 499, 636}
_PATTERN = 427
_REFUSED = {164, 192, 193, 194, 291, 452, 497, 516}  # with settings beyond its constraints


class ClickHouseError(Exception):
    """A statement without an answer; its text may quote a statement and is for the log alone.

    `reason` is one of: `gone` (nobody answers in time, or not as ClickHouse does), `refused` (the
    user may not), `version`, `time`, `memory` (of the statement), `busy` (too many statements, or
    no memory for any), `files` (cannot be read), `pattern` (refused), `failed`.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Table(NamedTuple):
    """Its columns are written as ClickHouse declares them."""

    content: bytes
    format: str
    structure: str


def read_rows(
    statement: str,
    parameters: Mapping[str, Any],
    options: Mapping[str, int | str],
    tables: Mapping[str, Table],
    seconds: float,
) -> tuple[Sequence[str], list[Sequence[Any]]]:
    """The names of the columns, and the rows, with texts as bytes. Raises ClickHouseError.

    `tables` are sent with the statement, which reads them by name.
    """
    from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError
    from clickhouse_connect.driver.external import ExternalData

    external = ExternalData() if tables else None
    for name, table in tables.items():
        assert external is not None
        external.add_file(
            file_name=name, data=table.content, fmt=table.format, structure=table.structure
        )
    try:
        found = _client().query(
            statement,
            parameters=dict(parameters) or None,
            settings={
                **options,
                **NEVER_CUT,
                "max_execution_time": max(1, round(seconds)),
                "max_memory_usage": settings.CLICKHOUSE_MEMORY_MB * 1024 * 1024,
                "max_result_bytes": MAX_RESULT_BYTES,
                "max_result_rows": MAX_RESULT_ROWS,
                **({"max_threads": threads} if (threads := settings.CLICKHOUSE_THREADS) else {}),
                "cancel_http_readonly_queries_on_client_close": 1,
                "readonly": 2,
            },
            query_formats={"String": "bytes"},
            external_data=external,
        )
        return found.column_names, list(found.result_rows)
    except DriverError as exc:
        raise _explain(exc) from exc
    except (OSError, ValueError, EOFError, IndexError, KeyError) as exc:
        raise ClickHouseError("gone", f"an answer that is none: {exc!r}") from exc


def read_version() -> str:
    """Raises ClickHouseError, also of a version that is too old."""
    return str(_client().server_version)


@cache
def _client() -> "Client":
    """Raises ClickHouseError."""
    from clickhouse_connect import common, get_client
    from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

    common.set_setting("invalid_setting_action", "send")  # the server says which it lacks
    url = urlsplit(settings.CLICKHOUSE_URL)
    try:
        client = get_client(
            host=url.hostname,
            port=url.port or (8443 if url.scheme == "https" else 8123),
            username=unquote(url.username or "default"),
            password=unquote(url.password or ""),
            secure=url.scheme == "https",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            send_receive_timeout=settings.QUERY_TIMEOUT_SECONDS + _PATIENCE_SECONDS,
            query_limit=0,
            query_retries=0,
            compress=url.scheme == "https",
            autogenerate_session_id=False,  # a session answers one statement at a time
            form_encode_query_params=True,  # an address is too short for many of them
        )
    except DriverError as exc:
        raise _explain(exc) from exc
    except (OSError, ValueError, EOFError, IndexError, KeyError) as exc:
        raise ClickHouseError("gone", f"an answer that is none: {exc!r}") from exc
    found = _VERSION.match(str(client.server_version))
    if found is None or (int(found[1]), int(found[2])) < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise ClickHouseError(
            "version", f"it is {client.server_version}, and {least} is the oldest that will do"
        )
    return client


@forgets
def close_client() -> None:
    if _client.cache_info().currsize:
        _client().close()
        _client.cache_clear()


def _explain(exc: Exception) -> ClickHouseError:
    code, text = getattr(exc, "code", None), str(exc)
    reasons = {_TIME: "time", _MANY_QUERIES: "busy", _PATTERN: "pattern"}
    if code is None:
        reason = "gone"
    elif code == _MEMORY:  # of all statements it is nobody's fault
        reason = "busy" if "(total)" in text or "for user" in text else "memory"
    elif code in _REFUSED:
        reason = "refused"
    elif code in _TOO_MUCH:
        reason = "memory"
    else:
        reason = reasons.get(code) or ("files" if code in _OF_FILES else "failed")
    return ClickHouseError(reason, text)
