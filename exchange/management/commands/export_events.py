"""`manage.py export_events`: what is stored of a project, in a file."""

import getpass
import os
import shutil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandError, CommandParser

from analytics.audit import record
from analytics.databases import mongo
from analytics.databases.documents import typed
from analytics.databases.export_documents import ExportDocument, ExportQuery
from analytics.projects.models import Project
from analytics.web.problems import BadRequest
from columns.files.folder import sync
from exchange.formats import FORMATS
from exchange.outgoing.asking import parse_options
from exchange.outgoing.job import TooManyExports, ask_export, file_of, find_export, give_up
from exchange.outgoing.run import EXPORTS
from exchange.outgoing.trouble import REASONS
from upkeep.jobs.engine import follow_job
from upkeep.management.arguments import Options, OptionsCommand


class Command(OptionsCommand):
    help = (
        "Export what is stored of a project at this moment, while events arrive. Interrupted, it "
        "is gone on with by the workers, and by the same command."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="16 hex digits")
        parser.add_argument("--format", choices=FORMATS, default=FORMATS[0])
        parser.add_argument("--output", required=True, metavar="FILE", help="made, or replaced")
        parser.add_argument("--start", help="RFC 3339, or a day of the project's time zone")
        parser.add_argument("--end", help="RFC 3339, exclusive")
        parser.add_argument("--filter", help="a condition in JSON, as of POST /query")
        parser.add_argument(
            "--with-addresses",
            action="store_true",
            help="with ip, userAgent and the sender's own eventId, from the stored events",
        )
        parser.add_argument(
            "--spreadsheet", action="store_true", help="csv: no cell is taken for a formula"
        )

    def run(self, options: Options) -> None:
        project = Project.objects.filter(pk=options["project"], deleted_at=None).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        output = Path(options["output"]).absolute()
        if not output.parent.is_dir():
            raise CommandError(f"There is no folder {output.parent}.")
        query = _read_query(options, project)
        export = self._find(project, query, output) or self._ask(project, query, output)
        self.stdout.write(f"export {export['_id']}")
        follow_job(EXPORTS, export, self.stdout.write)
        self._take(project, export["_id"], output)

    def _find(self, project: Project, query: ExportQuery, output: Path) -> ExportDocument | None:
        """The one that this command was interrupted at."""
        found = typed(ExportDocument, mongo.EXPORTS).find_one(
            {
                "project": project.id_bytes,
                "requestedBy": _name(output),
                "outcome": None,
                "query": query,
            }
        )
        if found:
            self.stdout.write("going on with what was begun")
        return found

    def _ask(self, project: Project, query: ExportQuery, output: Path) -> ExportDocument:
        try:
            return ask_export(project.id_bytes, project.partition, query, _name(output))
        except TooManyExports:
            raise CommandError("The project has too many exports under way.") from None

    def _take(self, project: Project, export_id: str, output: Path) -> None:
        """Put the file in its place, whole or not at all, and let go of ours."""
        done = find_export(project.id_bytes, export_id)
        if done is None or "manifest" not in done:
            code = done.get("error", done.get("outcome", "")) if done else "removed"
            raise CommandError(REASONS.get(code, f"The export was {code}."))
        try:
            _place(file_of(done), output)
            _write(output.with_name(f"{output.name}.manifest.json"), done["manifest"].encode())
        except OSError as exc:
            raise CommandError(f"{output} cannot be written: {exc}") from exc
        record(_name(output), project.id, "export.fetched", export_id)
        give_up(project.id_bytes, export_id, _name(output))
        self.stdout.write(f"{done['counts']['events']} events in {output}")


def _name(output: Path) -> str:
    return f"command {getpass.getuser()}: {output}"[:200]


def _read_query(options: Options, project: Project) -> ExportQuery:
    asked: dict[str, Any] = {
        "format": options["format"],
        "start": options["start"],
        "end": options["end"],
        "filter": options["filter"],
        "withAddresses": options["with_addresses"],
        "spreadsheet": options["spreadsheet"],
    }
    try:
        return parse_options(asked, ZoneInfo(project.time_zone))
    except BadRequest as exc:
        raise CommandError(" ".join(error["detail"] for error in exc.errors)) from exc


def _place(source: Path, output: Path) -> None:
    made = output.with_name(f"{output.name}.part")
    with source.open("rb") as file, _open_own(made) as to:
        shutil.copyfileobj(file, to, 1 << 20)
        to.flush()
        os.fsync(to.fileno())
    made.rename(output)
    sync(output.parent)


def _write(path: Path, text: bytes) -> None:
    made = path.with_name(f"{path.name}.part")
    with _open_own(made) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    made.rename(path)
    sync(path.parent)


def _open_own(path: Path) -> Any:
    """A file that nobody but this user reads, empty."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
