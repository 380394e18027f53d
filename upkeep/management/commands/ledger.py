"""`manage.py ledger`: print the books, or check that they balance."""

from collections.abc import Iterable

from django.core.management.base import CommandError, CommandParser

from analytics.events.ids import PROJECT_ID_BYTES, datetime_of_day
from analytics.projects.models import Project
from upkeep.ledger.check import Check, Verdict, check_ledger
from upkeep.ledger.checkpoints import find_unrecorded_losses
from upkeep.ledger.documents import count_documents
from upkeep.ledger.gaps import describe_gaps
from upkeep.ledger.lines import Line, read_ledger
from upkeep.management.arguments import Options, OptionsCommand

_COLUMNS = (
    "accepted",
    "stored",
    "duplicate",
    "dead",
    "waiting",
    "difference",
    "erased",
    "imported",
    "lost",
)


class Command(OptionsCommand):
    help = (
        "Print accepted, stored, duplicate, dead and waiting events per project and UTC day of "
        "acceptance. With --check, print what does not balance and end with status 1 if any does."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", help="only this project (16 hex digits)")
        parser.add_argument(
            "--check",
            action="store_true",
            help="recount what waits from the stream and judge each line",
        )
        parser.add_argument(
            "--deep",
            action="store_true",
            help="as --check, and count the documents of each day as far as none has expired",
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=30.0,
            metavar="SECONDS",
            help="how long to read again while events are in flight (default 30)",
        )

    def run(self, options: Options) -> None:
        project = _read_project(options["project"])
        if not (options["check"] or options["deep"]):
            self._print_lines(read_ledger(project))
            self._print_gaps()
            return
        check = check_ledger(project, options["wait"])
        self._report(check)
        losses = find_unrecorded_losses()
        for loss in losses:
            self.stdout.write(f"{loss}; the next checkpoint will state the gap")
        differences = len(check.wrong) + bool(check.total_drift) + len(losses)
        if options["deep"]:
            differences += self._compare_documents(project)
        if differences:
            raise CommandError("the books do not balance", returncode=1)

    def _print_lines(self, lines: Iterable[Line]) -> None:
        header = "".join(f"{name:>12}" for name in _COLUMNS)
        self.stdout.write(f"{'project':<18}{'day':<12}{header}")
        for line in lines:
            numbers = "".join(f"{getattr(line, name):>12}" for name in _COLUMNS)
            self.stdout.write(f"{line.project_id.hex():<18}{line.date!s:<12}{numbers}")

    def _print_gaps(self) -> None:
        for gap in describe_gaps():
            self.stdout.write(gap)

    def _report(self, check: Check) -> None:
        self._print_gaps()
        if check.wrong:
            self._print_lines(verdict.line for verdict in check.wrong)
        for verdict in check.wrong:
            self.stdout.write(_explain(verdict))
        if check.total_drift:
            self.stdout.write(
                f"the total of waiting events is {check.total_drift} off from its own lines"
            )
        self.stdout.write(
            f"compared: Redis's counters, {check.entries} entries of the stream "
            f"({check.unacked_events} of their events settled and not acked yet), "
            f"a snapshot of MongoDB; {check.readings} readings"
        )
        if check.unread_entries:
            self.stdout.write(
                f"{check.unread_entries} entries are of another version's format: "
                "their events are accepted, and are not counted as waiting"
            )
        self.stdout.write(
            f"{len(check.verdicts)} lines: {check.balanced} balance, {len(check.wrong)} differ, "
            f"{check.moving} never held still and show nothing wrong"
        )

    def _compare_documents(self, project: bytes | None) -> int:
        """How many columns of days have another number of documents than the books say."""
        projects = [project] if project else _all_projects()
        compared = differences = 0
        for project_id in projects:
            for counted in count_documents(project_id):
                compared += 1
                if counted.booked != counted.found:
                    differences += 1
                    self.stdout.write(
                        f"{project_id.hex()} {datetime_of_day(counted.day):%Y-%m-%d}: "
                        f"{counted.booked} {counted.column} in the books, "
                        f"{counted.found} documents"
                    )
        self.stdout.write(
            f"{compared} columns of days counted in documents, {differences} differences "
            "(days of which something may have expired are left out)"
        )
        return differences


def _read_project(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        project = bytes.fromhex(text)
    except ValueError:
        project = b""
    if len(project) != PROJECT_ID_BYTES:
        raise CommandError(f"{text!r} is no project id: 16 hex digits")
    return project


def _all_projects() -> list[bytes]:
    return [bytes.fromhex(pk) for pk in Project.objects.values_list("pk", flat=True)]


def _explain(verdict: Verdict) -> str:
    line, told = verdict.line, []
    if verdict.difference > 0:
        told.append(f"{verdict.difference} accepted events are nowhere")
    if verdict.difference < 0:
        told.append(f"{-verdict.difference} more events are accounted for than were accepted")
    if verdict.drift:
        told.append(
            f"the counter says that {verdict.counted} wait, the stream holds {verdict.in_stream}"
        )
    return f"{line.project_id.hex()} {line.date}: {'; '.join(told)}"
