"""`manage.py restore_columns`: what to do about damage that the stored events cannot make good."""

from django.core.management.base import CommandError, CommandParser

from analytics.databases.transactions import Conflict, repeat
from analytics.events.ids import datetime_of_ms
from analytics.events.moments import format_moment
from analytics.management.projects import choose_project
from columns.files.folder import ColumnsUnavailable, find_folder
from columns.restore import list_lost, restore, strike
from columns.segments import Segment
from upkeep.jobs.leases import PATIENCE_SECONDS, lease_project
from upkeep.management.arguments import Options, OptionsCommand


class Command(OptionsCommand):
    help = (
        "Read damaged files of the columns again that were brought back from a backup, from "
        "before the raw horizon: what is newer is made anew by itself. Without files to bring "
        "back, give up what they held."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="an id, or a name")
        parser.add_argument(
            "--strike",
            action="store_true",
            help="give up what is not there: from then on questions are answered without it",
        )

    def run(self, options: Options) -> None:
        project = choose_project(options["project"])
        left = 0
        try:
            for segment in list_lost(project.id_bytes):
                with lease_project(project.id_bytes, PATIENCE_SECONDS):
                    left += not self._put_right(segment, may_strike=options["strike"])
        except ColumnsUnavailable as exc:
            raise CommandError(f"the folder of the columns cannot be used: {exc}") from exc
        except Conflict as exc:
            raise CommandError(f"others change the columns all the time: {exc}") from exc
        self.stdout.write(f"{project.pk}: {left} segments are still damaged")

    def _put_right(self, segment: Segment, *, may_strike: bool) -> bool:
        begin, end = (
            format_moment(datetime_of_ms(moment), "seconds")
            for moment in (segment.from_ms, segment.to_ms)
        )
        told = f"{find_folder().url_of(segment.id)}, with events from {begin} to {end}"
        if repeat(lambda: restore(segment)):
            self.stdout.write(f"restored: {told}")
            return True
        if may_strike:
            repeat(lambda: strike(segment))
            self.stdout.write(f"struck: {told}")
            return True
        self.stdout.write(f"not there as it was listed: {told}")
        return False
