"""`manage.py verify_columns`: compare the segments with the stored events."""

from django.core.management.base import CommandError, CommandParser

from analytics.events.ids import datetime_of_day
from analytics.management.projects import choose_project
from analytics.projects.policy import list_projects
from columns.files.folder import ColumnsUnavailable
from upkeep.columns.verify import Verification
from upkeep.management.arguments import (
    Options,
    OptionsCommand,
    add_day_arguments,
    read_days,
)


class Command(OptionsCommand):
    help = (
        "Compare each row of the columns with its stored event, day by day, and print any "
        "difference. Ends with status 1 if there is one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", nargs="?", help="an id, or a name; all projects without it")
        add_day_arguments(parser)

    def run(self, options: Options) -> None:
        from_ms, to_ms = read_days(options)
        named = options["project"]
        projects = [choose_project(named).pk] if named else list_projects()
        days, differences = 0, 0
        try:
            for project in projects:
                verification = Verification(bytes.fromhex(project))
                for day in verification.list_days(from_ms, to_ms):
                    days += 1
                    differences += self._verify(verification, day)
        except ColumnsUnavailable as exc:
            raise CommandError(f"the folder of the columns cannot be used: {exc}") from exc
        self.stdout.write(f"{days} days verified, {differences} differences")
        if differences:
            raise CommandError("the columns differ from the stored events", returncode=1)

    def _verify(self, verification: Verification, day: int) -> int:
        count, told = verification.verify_day(day)
        for found in told:
            more = f": {', '.join(found.columns)}" if found.columns else ""
            date = datetime_of_day(day).date()
            project = found.project_id.hex()
            self.stdout.write(f"{project} {date} {found.what} {found.name}{more}")
        if count > len(told):
            self.stdout.write(f"and {count - len(told)} more on that day")
        return count
