"""What several commands share: their options, and how they get them."""

from datetime import UTC, date, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.events.ids import MS_PER_DAY, day_of
from analytics.events.moments import BadMoment, parse_moment
from columns.stored import BEGINNING_MS, EVER_MS

Options = dict[str, Any]


class OptionsCommand(BaseCommand):
    """A command that goes by its options alone."""

    def handle(self, *args: object, **options: Any) -> None:
        self.run(options)

    def run(self, options: Options) -> None:
        raise NotImplementedError


def add_window_arguments(parser: CommandParser) -> None:
    parser.add_argument("--project", action="append", help="16 hex digits; may be repeated")
    parser.add_argument("--start", help="RFC 3339, UTC unless it says otherwise")
    parser.add_argument("--end", help="RFC 3339, exclusive")


def read_window(options: Options) -> tuple[datetime | None, datetime | None]:
    return _read_moment(options["start"]), _read_moment(options["end"])


def add_day_arguments(parser: CommandParser) -> None:
    parser.add_argument("--from", metavar="DAY", help="the first UTC day, as 2026-03-05")
    parser.add_argument("--to", metavar="DAY", help="and the last, included")


def read_days(options: Options) -> tuple[int, int]:
    """From when, and until before when, in unix milliseconds."""
    first, last = _read_day(options["from"]), _read_day(options["to"])
    return (
        BEGINNING_MS if first is None else first * MS_PER_DAY,
        EVER_MS if last is None else (last + 1) * MS_PER_DAY,
    )


def _read_day(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return day_of(datetime.combine(date.fromisoformat(text), time(), UTC))
    except ValueError as exc:
        raise CommandError(f"{text!r} is no day: {exc}") from exc


def _read_moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_moment(text)
    except BadMoment as exc:
        raise CommandError(f"{text!r} {exc}") from exc
