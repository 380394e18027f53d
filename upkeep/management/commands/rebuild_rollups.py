"""`manage.py rebuild_rollups`: replace rollups by what the raw events say."""

from django.core.management.base import CommandParser

from analytics.projects.policy import list_projects
from upkeep.management.arguments import Options, OptionsCommand, add_window_arguments, read_window
from upkeep.verify.days import find_days
from upkeep.verify.rebuild import rebuild_day


class Command(OptionsCommand):
    help = "Rebuild the rollups of whole UTC days in place, beside running drains."

    def add_arguments(self, parser: CommandParser) -> None:
        add_window_arguments(parser)

    def run(self, options: Options) -> None:
        start, end = read_window(options)
        for project in options["project"] or list_projects():
            project_id = bytes.fromhex(project)
            days = find_days(project_id, start, end)
            events = sum(rebuild_day(project_id, day) for day in days)
            self.stdout.write(f"{project}: {len(days)} days rebuilt from {events} events")
