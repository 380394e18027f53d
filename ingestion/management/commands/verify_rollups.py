"""`manage.py verify_rollups`: count raw events again and compare."""

import random
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.projects import list_projects
from ingestion.management.arguments import add_window_arguments, read_window
from ingestion.recount import find_days, verify_day


class Command(BaseCommand):
    help = (
        "Recount days from their raw events, compare with the rollups and print any difference. "
        "Ends with status 1 if there is one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_window_arguments(parser)
        parser.add_argument("--sample", type=int, help="only this many days, chosen at random")

    def handle(self, *args: Any, **options: Any) -> None:
        start, end = read_window(options)
        wanted = [
            (bytes.fromhex(project), day)
            for project in options["project"] or list_projects()
            for day in find_days(bytes.fromhex(project), start, end)
        ]
        if options["sample"] is not None:
            wanted = random.sample(wanted, min(options["sample"], len(wanted)))
        differences = 0
        for project_id, day in wanted:
            for found in verify_day(project_id, day):
                differences += 1
                self.stdout.write(
                    f"{found.project_id.hex()} {found.unit} {found.start:%Y-%m-%dT%H:%MZ} "
                    f"{found.dimension}: raw {found.raw}; rollup {found.rollup}"
                )
        self.stdout.write(f"{len(wanted)} days verified, {differences} differences")
        if differences:
            raise CommandError("the rollups differ from the raw events", returncode=1)
