"""manage.py remove_second_factor: for who lost both the app and the recovery codes."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from people.accounts.second_factor import remove_factor


class Command(BaseCommand):
    help = "Remove the second factor of a user, who signs in with the password alone then."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the name that the user signs in with")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']!r}.")
        if not remove_factor(user, f"command {getpass.getuser()}"):
            raise CommandError(f"{options['user']} has no second factor.")
        self.stdout.write("removed")
