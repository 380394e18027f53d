"""What alerts and reports have to say, now and in this process: without a worker, or beside it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from notices.rounds import LOOKING, SENDING


class Command(BaseCommand):
    help = "Look at the alerts and reports that are due, and send what waits."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            entered = [each.work() for each in (LOOKING, SENDING)]
        except (PyMongoError, RedisError) as exc:
            raise CommandError(f"The stores do not answer: {exc}") from exc
        if not all(entered):
            raise CommandError("A worker is at it just now.")
        self.stdout.write("What was due is looked at and sent.")
