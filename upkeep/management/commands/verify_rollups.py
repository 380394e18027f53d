"""`manage.py verify_rollups`: count raw events again and compare."""

import random
from collections.abc import Iterator, Sequence

from django.core.management.base import CommandError, CommandParser

from analytics.events.moments import format_moment
from analytics.projects.policy import list_projects
from analytics.rollups.calendar import month_of
from upkeep.management.arguments import Options, OptionsCommand, add_window_arguments, read_window
from upkeep.verify.days import find_days
from upkeep.verify.differences import Difference
from upkeep.verify.verify import verify_day, verify_month


class Command(OptionsCommand):
    help = (
        "Recount days from their raw events, compare with the rollups and print any difference. "
        "Ends with status 1 if there is one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_window_arguments(parser)
        parser.add_argument("--sample", type=int, help="only this many days, chosen at random")

    def run(self, options: Options) -> None:
        start, end = read_window(options)
        wanted = [
            (bytes.fromhex(project), day)
            for project in options["project"] or list_projects()
            for day in find_days(bytes.fromhex(project), start, end)
        ]
        if options["sample"] is not None:
            wanted = random.sample(wanted, min(options["sample"], len(wanted)))
        differences = 0
        for found in _verify(wanted):
            differences += 1
            self.stdout.write(
                f"{found.project_id.hex()} {found.unit} {format_moment(found.start, 'minutes')} "
                f"{found.dimension}: raw {found.raw}; rollup {found.rollup}"
            )
        self.stdout.write(f"{len(wanted)} days verified, {differences} differences")
        if differences:
            raise CommandError("the rollups differ from the raw events", returncode=1)


def _verify(days: Sequence[tuple[bytes, int]]) -> Iterator[Difference]:
    """Each day, and the copies of the months that they are in."""
    for project_id, day in days:
        yield from verify_day(project_id, day)
    for project_id, month in sorted({(project_id, month_of(day)) for project_id, day in days}):
        yield from verify_month(project_id, month)
