"""`manage.py drain`: store what waits, here and now, without Celery."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from ingestion.drain.loop import drain


class Command(BaseCommand):
    help = "Drain every partition of the stream in this process, until it is empty."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=float, default=3600.0, help="stop after this long")
        parser.add_argument(
            "--force",
            action="store_true",
            help="also drain what a fuse holds back, and bury what cannot be stored",
        )

    def handle(self, *, seconds: float, force: bool, **others: object) -> None:
        for partition in range(settings.STREAM_PARTITIONS):
            result = drain(partition, seconds, force=force)
            self.stdout.write(
                f"partition {partition}: {result.stored} stored, "
                f"{result.duplicates} duplicates, {result.dead} dead"
            )
