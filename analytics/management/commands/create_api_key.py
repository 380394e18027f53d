"""manage.py create_api_key: a new API key, for scripts."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analytics.projects.key_mirror import MirrorDelayed
from analytics.projects.models import ApiKey, Project
from analytics.projects.policy import AmbiguousName, find_project


class Command(BaseCommand):
    help = "Create an API key and print it, this once, on standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="id or name of the project")
        parser.add_argument("--create-project", action="store_true", help="if there is none")
        parser.add_argument("--name", required=True, help="what uses the key")
        parser.add_argument("--scopes", required=True, help="of ingest,read,admin")
        parser.add_argument("--rate", type=int, help="events per second")
        parser.add_argument("--burst", type=int, help="events at once")
        parser.add_argument("--expires-days", type=int, help="days until the key expires")

    def handle(self, *args: Any, **options: Any) -> None:
        limits = {
            "rate_events_per_second": options["rate"],
            "burst_events": options["burst"],
            "expires_at": find_expiry(options["expires_days"]),
        }
        try:
            project = choose_project(options["project"], create=options["create_project"])
            key, text = ApiKey.issue(
                project,
                options["name"],
                options["scopes"].split(","),
                **{name: value for name, value in limits.items() if value is not None},
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        try:
            key.save()
        except MirrorDelayed as delayed:
            self.stderr.write(str(delayed))
        self.stdout.write(text)


def find_expiry(days: int | None) -> datetime | None:
    try:
        return None if days is None else timezone.now() + timedelta(days=days)
    except OverflowError:
        raise CommandError("That is more days than a date can hold.") from None


def choose_project(id_or_name: str, *, create: bool) -> Project:
    """The project of that id or name; a new one of that name if `create` and there is none."""
    try:
        project = find_project(id_or_name)
    except AmbiguousName as ambiguous:
        raise CommandError(str(ambiguous)) from ambiguous
    if project:
        return project
    if not create:
        raise CommandError(f"There is no project {id_or_name!r} (--create-project makes one).")
    project = Project(name=id_or_name.strip())
    project.full_clean()
    project.save()
    return project
