"""ClickHouse, where it answers questions: is it there, may its user, does it see the segments?"""

from collections.abc import Iterator
from typing import Final

from django.conf import settings
from pymongo import DESCENDING

from analytics.databases import mongo
from analytics.databases.clickhouse import ClickHouseError, read_rows, read_version
from analytics.databases.column_documents import SegmentDocument
from analytics.databases.documents import typed
from columns.files.remote import count_rows, name_of
from upkeep.watch.finding import Finding, brief, doubtful, well, wrong

TRIED_VERSION: Final = "26.9"

_SECONDS: Final = 5.0
_ADVICE: Final = {
    "gone": "is it up, and does CLICKHOUSE_URL name its HTTP interface?",
    "refused": "look at the user and the password in CLICKHOUSE_URL, and at what the user may",
    "version": "take a newer ClickHouse, or none",
    "busy": "others ask it at this moment: give the user a quota of its own",
}
_LIMITS: Final = (
    "SELECT name, value FROM system.settings WHERE name IN "
    "('max_memory_usage_for_user', 'max_concurrent_queries_for_user', 'max_threads') ORDER BY name"
)
_LIKE_THE_DOCS: Final = "create it as docs/clickhouse.md does"


def check_clickhouse() -> Iterator[Finding]:
    if not settings.CLICKHOUSE_URL:
        yield well("DuckDB answers questions, and no ClickHouse")
        return
    try:
        version = read_version()
        if version.startswith(f"{TRIED_VERSION}."):
            yield well(f"ClickHouse {version} answers questions")
        else:
            yield doubtful(
                f"ClickHouse {version} answers questions, and {TRIED_VERSION} is what was tried",
                "compare answers with those of DuckDB before you rely on it",
            )
        yield from _check_files()
        yield from _check_user()
    except ClickHouseError as exc:
        advice = _ADVICE.get(exc.reason, "the log of ClickHouse says more")
        yield wrong(f"ClickHouse does not answer ({exc.reason}): {brief(exc)}", advice)


def _check_files() -> Iterator[Finding]:
    """Of the newest segment ClickHouse counts as many rows as are listed."""
    listed = typed(SegmentDocument, mongo.COLUMN_SEGMENTS)
    newest = listed.find_one({"damagedAt": {"$exists": False}}, sort=[("_id", DESCENDING)])
    if newest is None:
        yield well("there is no segment yet for ClickHouse to see")
        return
    name = name_of(bytes(newest["_id"]))
    try:
        seen = f"{count_rows([name], _SECONDS)}"
    except ClickHouseError as exc:
        if exc.reason in ("gone", "refused", "version"):
            raise
        seen = f"no rows ({brief(exc)})"
    if seen == str(newest["rows"]):
        yield well("ClickHouse sees the segments")
    else:
        yield wrong(
            f"ClickHouse sees {seen} of the {newest['rows']} rows of {name}",
            "let CLICKHOUSE_FILES name the folder as ClickHouse sees it, and let it read there",
        )


def _check_user() -> Iterator[Finding]:
    """What a statement may take is sent with it; what all of them may is the user's."""
    _, rows = read_rows(_LIMITS, {}, {}, {}, _SECONDS)
    limits = {_text(name): _text(value) for name, value in rows}
    told = ", ".join(
        f"{name} {value if value != '0' else 'unlimited'}" for name, value in limits.items()
    )
    if limits.get("max_memory_usage_for_user", "0") == "0":
        yield doubtful(f"all questions of ClickHouse's user together: {told}", _LIKE_THE_DOCS)
    else:
        yield well(f"all questions of ClickHouse's user together: {told}")


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
