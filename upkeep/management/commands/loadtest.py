"""`manage.py loadtest`: load a service, and prove that it lost nothing."""

import time

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.keys.key_text import digest_key, read_key_id
from analytics.projects.models import ApiKey
from loadtest.__main__ import is_proven, run
from loadtest.plan import PlanError, add_arguments, make_plan, read_environment
from loadtest.proof import check_service
from upkeep.ledger.lines import Line, read_ledger
from upkeep.management.arguments import Options, OptionsCommand

_COLUMNS = ("accepted", "stored", "duplicate", "dead", "waiting", "difference")
QUIET_TRIES = 10


class Command(OptionsCommand):
    help = (
        "Send events for a while, then ask the service and the ledger where they are. "
        "Best with keys of a project made for it. Ends with status 1 if an event is lost."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def run(self, options: Options) -> None:
        try:
            plan = make_plan(options, read_environment())
            check_service(plan)
        except PlanError as exc:
            raise CommandError(str(exc), returncode=2) from exc
        before = read_books(plan.ingest_key)
        _, proof, tally = run(plan)
        after = read_quiet_books(plan.ingest_key) if before else None
        if before and after:
            self.stdout.write("ledger of the project, before and after, in all")
            for name in _COLUMNS:
                left, right = getattr(before, name), getattr(after, name)
                self.stdout.write(f"  {name:<14}{left:>12,}{right:>12,}{right - left:>+12,}")
        else:
            self.stdout.write("ledger          not reached from here, or of another installation")
        if not is_proven(tally, proof) or (after and after.difference):
            raise CommandError("not everything that was accepted is accounted for", returncode=1)


def read_quiet_books(key_text: str) -> Line | None:
    """The books at a quiet moment, if one comes: they may be off by what is in flight."""
    books = read_books(key_text)
    for _ in range(QUIET_TRIES):
        if books is None or not (books.difference or books.waiting):
            break
        time.sleep(1)
        books = read_books(key_text)
    return books


def read_books(key_text: str) -> Line | None:
    """The books of the key's project, all days together; None where they cannot be read."""
    try:
        key = ApiKey.objects.filter(pk=read_key_id(key_text)).first()
        if key is None or key.digest != digest_key(key_text).hex():
            return None
        project_id = bytes.fromhex(key.project_id)
        total = Line(project_id, day=0)
        for line in read_ledger(project_id):
            for name in _COLUMNS[:-1]:
                setattr(total, name, getattr(total, name) + getattr(line, name))
    except (DatabaseError, PyMongoError, RedisError, OSError):
        return None
    return total
