"""Ask for imports, run them beside a drain, and read what they stored."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analytics.databases.export_documents import ExportDocument
from analytics.databases.import_documents import Choice, ImportDocument
from exchange.incoming.arriving import receive
from exchange.incoming.job import ask_import, find_import
from exchange.incoming.looking import make_choice
from exchange.incoming.run import IMPORTS
from exchange.outgoing.job import file_of
from ingestion.drain.loop import drain
from tests.conftest import TestProject
from upkeep.jobs.engine import run_job
from upkeep.ledger.lines import read_ledger

OWN = make_choice("own")
MAPPING = {
    "fields": {
        "timestamp": "time", "path": "page", "user_id": "user", "visitor": "cookie",
        "user_agent": "browser", "country": "country",
    },
}  # fmt: skip
TABLE = make_choice("csv", MAPPING)


def ask(
    project: TestProject,
    content: bytes | Path,
    choice: Choice | None = OWN,
    *,
    confirmed: bool = True,
    dry_run: bool = False,
) -> str:
    """The id of a new import that nobody has begun."""
    chunks = [content.read_bytes() if isinstance(content, Path) else content]
    received = receive(project.id, chunks)
    job = ask_import(
        project.id, project.row.partition, received, "a test",
        file="events", choice=choice, confirmed=confirmed, dry_run=dry_run,
    )  # fmt: skip
    return job["_id"]


def find(project: TestProject, import_id: str) -> ImportDocument:
    found = find_import(project.id, import_id)
    assert found is not None
    return found


def run(project: TestProject, import_id: str, times: int = 50) -> ImportDocument:
    """Go on as far as it goes, the drain beside it."""
    for _ in range(times):
        run_job(IMPORTS, import_id)
        drain(project.row.partition)
        found = find(project, import_id)
        if not found.get("open") or found["step"] in ("choose", "confirm"):
            break
    return found


def bring(
    project: TestProject, content: bytes | Path, choice: Choice | None = OWN
) -> ImportDocument:
    """A finished import."""
    done = run(project, ask(project, content, choice))
    assert done["step"] == "done", done
    assert "outcome" not in done, done
    return done


def bring_export(project: TestProject, export: ExportDocument) -> ImportDocument:
    return bring(project, file_of(export))


def table(*rows: Iterable[Any], head: str = "time,page,user,cookie,browser,country") -> bytes:
    return "\n".join([head, *(",".join(map(str, row)) for row in rows), ""]).encode()


def read_books(project: TestProject) -> tuple[int, ...]:
    """What was accepted, stored, a duplicate and imported on all days: midnight may have come."""
    lines = read_ledger(project.id)
    names = ("accepted", "stored", "duplicate", "imported")
    return tuple(sum(getattr(line, name) for line in lines) for name in names)
