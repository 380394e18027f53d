"""manage.py allow_origin: let the pages of an origin send events to a project."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand

from analytics.keys.origins import validate_origin
from analytics.management.projects import choose_project, note, refuse
from analytics.projects.key_mirror import MirrorDelayed
from analytics.projects.models import Project


class Command(BaseCommand):
    help = (
        "Let web pages of an origin send events to a project, and print what is allowed then, "
        "one origin a line."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="its id, or a name that one project has")
        parser.add_argument(
            "origin",
            help="https://www.example.com, https://*.example.com, null (pages without an origin), "
            "or * for any",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = choose_project(options["project"])
        try:
            allow(project, options["origin"].strip())
        except ValidationError as error:
            raise refuse(error) from error
        except MirrorDelayed as delayed:
            self.stderr.write(str(delayed))
        note(project.id, "project.changed", f"allowed {options['origin'].strip()}")
        for origin in project.allowed_origins:
            self.stdout.write(origin)


def allow(project: Project, origin: str) -> None:
    """Saved also where it is allowed already: so its mirror is what is stored.

    Raises ValidationError or MirrorDelayed.
    """
    validate_origin(origin)
    allowed = list(dict.fromkeys([*(project.allowed_origins or ()), origin]))
    project.allowed_origins = allowed
    others = {field.name for field in Project._meta.concrete_fields} - {"allowed_origins"}
    project.clean_fields(exclude=others)
    project.save(update_fields=["allowed_origins"])
