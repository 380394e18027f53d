"""manage.py create_service_key: a key of the service, for scripts that make projects."""

import getpass
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analytics.audit import record
from people.service_keys import issue_service_key


class Command(BaseCommand):
    help = (
        "Create a key of the service and print it on standard output, this once. It may make "
        "projects, and in every project what an owner may."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what uses the key")
        parser.add_argument("--expires-days", type=int, help="days until the key expires")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = f"command {getpass.getuser()}"
        try:
            days = options["expires_days"]
            expires_at = None if days is None else timezone.now() + timedelta(days=days)
            key, text = issue_service_key(options["name"], actor, expires_at)
        except OverflowError:
            raise CommandError("That is more days than a date can hold.") from None
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        key.save()
        record(actor, None, "servicekey.added", str(key))
        self.stdout.write(text)
