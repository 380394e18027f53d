"""`manage.py ledger`: print the books."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ingestion.ledger import read_ledger

_COLUMNS = ("accepted", "stored", "duplicate", "dead", "waiting", "difference")


class Command(BaseCommand):
    help = "Print accepted, stored, duplicate, dead and waiting events per project and UTC day."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", help="only this project (16 hex digits)")

    def handle(self, *args: Any, **options: Any) -> None:
        project = bytes.fromhex(options["project"]) if options["project"] else None
        header = "".join(f"{name:>12}" for name in _COLUMNS)
        self.stdout.write(f"{'project':<18}{'day':<12}{header}")
        for line in read_ledger(project):
            numbers = "".join(f"{getattr(line, name):>12}" for name in _COLUMNS)
            self.stdout.write(f"{line.project_id.hex():<18}{line.date!s:<12}{numbers}")
