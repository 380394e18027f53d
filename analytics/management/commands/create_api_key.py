"""manage.py create_api_key: a new API key, for scripts."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from analytics.key_mirror import MirrorDelayed
from analytics.models import ApiKey, Project


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
        limits = {"rate_events_per_second": options["rate"], "burst_events": options["burst"]}
        try:
            project = find_project(options["project"], create=options["create_project"])
            key, text = ApiKey.issue(
                project,
                options["name"],
                options["scopes"].split(","),
                **{name: value for name, value in limits.items() if value is not None},
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        if options["expires_days"] is not None:
            key.expire_after(options["expires_days"])
        try:
            key.save()
        except MirrorDelayed as delayed:
            self.stderr.write(str(delayed))
        self.stdout.write(text)


def find_project(id_or_name: str, *, create: bool) -> Project:
    """The project of that id or name; a new one of that name if `create` and there is none."""
    found = list(Project.objects.filter(Q(pk=id_or_name) | Q(name=id_or_name), deleted_at=None)[:2])
    if len(found) > 1:
        raise CommandError(f"More than one project is named {id_or_name!r}: give its id.")
    if found:
        return found[0]
    if not create:
        raise CommandError(f"There is no project {id_or_name!r} (--create-project makes one).")
    project = Project(name=id_or_name)
    project.full_clean()
    project.save()
    return project
