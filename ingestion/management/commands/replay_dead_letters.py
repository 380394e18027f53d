"""`manage.py replay_dead_letters`: accept the events of dead letters again."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.web.problems import Unavailable
from ingestion.letters.replay import Replayed, find_open, replay_letters
from ingestion.store.prepare import REASONS


class Command(BaseCommand):
    help = (
        "Accept the events of open dead letters again, past rate, quota and age. Letters of all "
        "projects and reasons, unless these options choose."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", help="only of this project (16 hex digits)")
        parser.add_argument("--reason", choices=REASONS, help="only of this reason")
        parser.add_argument(
            "--id", action="append", default=[], help="only this letter (hex); may be repeated"
        )
        parser.add_argument("--limit", type=int, help="replay at most this many, the oldest first")
        parser.add_argument("--why", default="", help="a note that is kept on the letters")
        parser.add_argument("--dry-run", action="store_true", help="count them and do nothing")

    def handle(
        self,
        *,
        project: str | None,
        reason: str | None,
        id: list[str],
        limit: int | None,
        why: str,
        dry_run: bool,
        **others: object,
    ) -> None:
        try:
            project_id = bytes.fromhex(project) if project else None
            ids = [bytes.fromhex(text) for text in id]
        except ValueError as exc:
            raise CommandError("ids are hex digits") from exc
        found = find_open(project_id, reason, ids)
        try:
            done = replay_letters(found, "manage.py", why, most=limit, dry_run=dry_run)
        except Unavailable as exc:
            raise CommandError(f"{exc.detail} What was not replayed is as it was.") from exc
        self._report(done, "would be replayed" if dry_run else "replayed")

    def _report(self, done: Replayed, what: str) -> None:
        refused = done.refused.total()
        self.stdout.write(
            f"{done.replayed} dead letters {what}, {done.skipped} left out, "
            f"{refused} refused: they could not be stored"
        )
        for reason, count in sorted(done.refused.items()):
            self.stdout.write(f"  {count} {reason}, the first: {done.errors[reason]}")
        if done.replayed and what == "replayed":
            self.stdout.write(
                "What was replayed waits to be stored; GET /event/{eventId} tells what became "
                "of an event, and one that the store refuses is a dead letter again"
            )
