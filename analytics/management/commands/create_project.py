"""manage.py create_project: a new project, for scripts."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from analytics.management.projects import make_project
from analytics.projects.zones import DEFAULT_ZONE


class Command(BaseCommand):
    help = "Create a project and print its id on standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="which no other project has")
        parser.add_argument(
            "--time-zone",
            default=DEFAULT_ZONE,
            help="whose days anonymous visitors are counted by: Europe/Berlin; else UTC",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = make_project(options["name"], time_zone=options["time_zone"])
        self.stdout.write(project.id)
