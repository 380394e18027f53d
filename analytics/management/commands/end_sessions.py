"""manage.py end_sessions: sign one user or everybody out of the admin."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from analytics.accounts.sessions import end_all_sessions, end_sessions
from analytics.management.projects import note


class Command(BaseCommand):
    help = (
        "End the sessions of a user of the admin, or all there are; whoever has one signs in anew."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", nargs="?", help="the name that the user signs in with")
        parser.add_argument("--all", action="store_true", help="the sessions of all users")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["user"]) == options["all"]:
            raise CommandError("Name a user, or say --all.")
        ended = end_all_sessions() if options["all"] else self._end_of(options["user"])
        note(None, "sessions.ended", options["user"] or "everybody")
        self.stdout.write(f"{ended} sessions ended")

    def _end_of(self, name: str) -> int:
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no user {name!r}.")
        return end_sessions(user)
