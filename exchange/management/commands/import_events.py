"""`manage.py import_events`: the events of a file, into a project."""

import getpass
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from analytics.databases import mongo
from analytics.databases.documents import typed
from analytics.databases.import_documents import Choice, ImportDocument
from analytics.projects.models import Project
from exchange.incoming.arriving import discard, receive
from exchange.incoming.job import (
    FileTooLarge,
    Import,
    TooManyImports,
    ask_import,
    find_import,
)
from exchange.incoming.looking import MAPPED, BadChoice, look_at, make_choice
from exchange.incoming.options import ENCODINGS, SOURCES
from exchange.incoming.reading import SourceError
from exchange.incoming.report import tell_error, tell_report
from exchange.incoming.run import IMPORTS
from exchange.management.manifest import BadManifest, check_manifest
from upkeep.imports.folder import ImportsFull
from upkeep.jobs.engine import run_job
from upkeep.management.arguments import Options, OptionsCommand

AUTO: Final = "auto"
TELL_SECONDS: Final = 2.0
_BLOCK: Final = 1 << 20


class Command(OptionsCommand):
    help = (
        "Import the events of a file into a project, while events arrive. Interrupted, it is gone "
        "on with by the workers, and by the same command; the same file twice is stored once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="16 hex digits")
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--source", choices=(AUTO, *SOURCES), default=AUTO)
        parser.add_argument(
            "--mapping", metavar="FILE", help="csv, jsonl: which column is what, as JSON"
        )
        parser.add_argument("--site", help="of a file with several websites: the id of one")
        parser.add_argument("--hostname", help="of rows that name none")
        parser.add_argument("--encoding", choices=ENCODINGS, default=ENCODINGS[0])
        parser.add_argument(
            "--spreadsheet", action="store_true", help="own: it was exported for a spreadsheet"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="tell what would be imported, and do nothing"
        )

    def run(self, options: Options) -> None:
        project = Project.objects.filter(pk=options["project"], deleted_at=None).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        path = Path(options["file"]).absolute()
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        choice = self._choose(path, options)
        job = self._ask(project, path, choice, dry_run=options["dry_run"])
        self.stdout.write(f"import {job['_id']}")
        self._follow(project, job)

    def _choose(self, path: Path, options: Options) -> Choice:
        """What the file is; of a table that nobody has said, the guess is told, and it ends."""
        given = {name: options[name] for name in ("site", "hostname") if options[name]}
        how: dict[str, Any] = {**given, "encoding": options["encoding"]}
        if options["spreadsheet"]:
            how["spreadsheet"] = True
        mapping = _read_mapping(options["mapping"])
        source = options["source"]
        try:
            if source == AUTO or (source in MAPPED and mapping is None):
                seen = look_at(path, None if source == AUTO else source, mapping, how)
                source = seen["source"]
                if source is None:
                    raise CommandError("It is nothing that is known: say what it is, --source.")
                self.stdout.write(f"it seems to be {source}")
                if source in MAPPED and mapping is None:
                    self.stdout.write(json.dumps(seen["mapping"], indent=2, ensure_ascii=False))
                    raise CommandError(
                        "This is what its columns seem to mean. Put it into a file, mend it, and "
                        "give it with --mapping."
                    )
                if len(seen["sites"]) > 0 and "site" not in how:
                    sites = ", ".join(seen["sites"])
                    raise CommandError(f"It has several websites, say which, --site: {sites}")
            return make_choice(source, mapping, how)
        except BadChoice as exc:
            raise CommandError(str(exc)) from exc
        except SourceError as exc:
            raise CommandError(tell_error(exc.code, exc.detail)) from exc

    def _ask(
        self, project: Project, path: Path, choice: Choice, *, dry_run: bool
    ) -> ImportDocument:
        by = f"command {getpass.getuser()}: {path}"[:200]
        try:
            received = receive(project.id_bytes, _read(path))
        except FileTooLarge:
            raise CommandError("The file is larger than IMPORTS_MAX_FILE_MB.") from None
        except ImportsFull:
            raise CommandError(
                "The project's imports would take more than their share of IMPORTS_MAX_MB."
            ) from None
        except OSError as exc:
            raise CommandError(f"{path} cannot be read, or written down: {exc}") from exc
        asked = False
        try:
            check_manifest(path, received)
            if begun := _find_begun(project, received.sha256, choice, by, dry_run=dry_run):
                self.stdout.write("going on with what was begun")
                return begun
            job = ask_import(
                project.id_bytes, project.partition, received, by,
                file=path.name, choice=choice, confirmed=True, dry_run=dry_run,
            )  # fmt: skip
            asked = True
        except BadManifest as exc:
            raise CommandError(str(exc)) from exc
        except TooManyImports:
            raise CommandError("The project has too many imports under way.") from None
        finally:
            if not asked:
                discard(project.id_bytes, received)
        return job

    def _follow(self, project: Project, job: ImportDocument) -> None:
        """Go on with it until it has ended, and tell how far it is."""
        told = ""
        while job.get("open"):
            work_left = run_job(IMPORTS, job["_id"], time.monotonic() + TELL_SECONDS)
            found = find_import(project.id_bytes, job["_id"])
            if found is None:
                raise CommandError("The project was deleted meanwhile.")
            job = found
            if (line := _tell_progress(job)) != told:
                self.stdout.write(told := line)
            elif job.get("open") and not work_left:
                time.sleep(REST_SECONDS)
        if "error" in job:
            raise CommandError(tell_error(job["error"], job.get("detail", "")))
        for line in tell_report(job):
            self.stdout.write(line)
        if job.get("outcome") in ("cancelled", "expired"):
            raise CommandError(f"The import was {job['outcome']}.")


REST_SECONDS: Final = 0.5


def _tell_progress(job: ImportDocument) -> str:
    if "outcome" in job or not job.get("open"):
        return ""
    state, done = Import.STATES[job["step"]], job.get("readSoFar")
    if job["step"] == "read" and done:
        share = 100 * done["bytes"] // max(1, job["bytes"])
        return f"{state}: {done['rows']} rows, {share} %"
    if job["step"] == "admit" and "report" in job:
        handled, of = sum(job["counts"].values()), job["report"]["events"]
        return f"{state}: {handled} of {of} events"
    return state


def _find_begun(
    project: Project, sha256: str, choice: Choice, by: str, *, dry_run: bool
) -> ImportDocument | None:
    """The one that this command was interrupted at."""
    return typed(ImportDocument, mongo.IMPORTS).find_one(
        {
            "project": project.id_bytes, "open": True, "requestedBy": by, "sha256": sha256,
            "choice": choice, "dryRun": dry_run,
        }
    )  # fmt: skip


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _read_mapping(name: str | None) -> Any:
    if name is None:
        return None
    try:
        return json.loads(Path(name).read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise CommandError(f"The mapping {name} cannot be read: {exc}") from exc
