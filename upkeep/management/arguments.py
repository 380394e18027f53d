"""What several commands share: their options, and how they get them."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.events.moments import BadMoment, parse_moment

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


def _read_moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_moment(text)
    except BadMoment as exc:
        raise CommandError(f"{text!r} {exc}") from exc
