"""`manage.py rebuild_columns`: make the segments of a project anew from its stored events."""

from collections.abc import Iterator
from typing import TypeVar

from django.core.management.base import CommandError, CommandParser

from analytics.databases.transactions import Conflict
from analytics.events.ids import datetime_of_ms, ms_of_datetime
from analytics.events.moments import format_moment
from analytics.management.projects import choose_project
from analytics.projects.policy import find_policy
from columns.files.folder import ColumnsUnavailable, renew_folder
from columns.rewrite import rebuild
from upkeep.jobs.leases import PATIENCE_SECONDS, lease_project
from upkeep.management.arguments import (
    Options,
    OptionsCommand,
    add_day_arguments,
    read_days,
)

T = TypeVar("T")


class Command(OptionsCommand):
    help = (
        "Make the columns of a project anew from its stored events, beside running services. "
        "Rows from before the raw horizon are left as they are."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="an id, or a name")
        add_day_arguments(parser)
        parser.add_argument(
            "--begin-folder",
            action="store_true",
            help="mark an empty folder as this deployment's, when the one it had is lost",
        )

    def run(self, options: Options) -> None:
        project = choose_project(options["project"])
        from_ms, to_ms = read_days(options)
        horizon = find_policy(project.id_bytes).raw_horizon
        if horizon is not None:
            from_ms = max(from_ms, ms_of_datetime(horizon))
        events = 0
        try:
            if options["begin_folder"]:
                renew_folder()
            for end, more in _leased(project.id_bytes, rebuild(project.id_bytes, from_ms, to_ms)):
                events += more
                if end > from_ms:
                    moment = format_moment(datetime_of_ms(end), "seconds")
                    self.stdout.write(f"{events} events, back to {moment}")
        except ColumnsUnavailable as exc:
            raise CommandError(f"the folder of the columns cannot be used: {exc}") from exc
        except Conflict as exc:
            raise CommandError(f"others change the columns all the time: {exc}") from exc
        self.stdout.write(f"{project.pk}: rebuilt from {events} events")


def _leased(project_id: bytes, strides: Iterator[T]) -> Iterator[T]:
    """Have the project for each stride: else exporters would be faster each time."""
    while True:
        with lease_project(project_id, PATIENCE_SECONDS):
            done = next(strides, None)
        if done is None:
            return
        yield done
