"""The arguments that several commands share."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser


def add_window_arguments(parser: CommandParser) -> None:
    parser.add_argument("--project", action="append", help="16 hex digits; may be repeated")
    parser.add_argument("--start", help="ISO 8601, UTC unless it says otherwise")
    parser.add_argument("--end", help="ISO 8601, exclusive")


def read_window(options: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    return _read_moment(options["start"]), _read_moment(options["end"])


def _read_moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise CommandError(f"{text!r} is not an ISO 8601 time") from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
