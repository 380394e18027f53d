"""manage.py add_alias: let clients of another vendor name a project as they name it there."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand

from analytics.keys.aliases import ALIAS_KINDS
from analytics.management.projects import choose_project, note, refuse
from analytics.projects.aliases import Alias
from analytics.projects.key_mirror import MirrorDelayed


class Command(BaseCommand):
    help = (
        "Add an alias to a project, a name that clients of another vendor send in the place of a "
        "key, and print the project's aliases, one a line."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        examples = ", ".join(f"{kind}:{one.example}" for kind, one in ALIAS_KINDS.items())
        parser.add_argument("project", help="its id, or a name that one project has")
        parser.add_argument("alias", help=f"KIND:VALUE: {examples}")

    def handle(self, *args: Any, **options: Any) -> None:
        project = choose_project(options["project"])
        try:
            alias = Alias.parse(project, options["alias"])
            if not Alias.objects.filter(pk=alias.pk, project=project).exists():
                alias.save()
        except ValidationError as error:
            raise refuse(error) from error
        except MirrorDelayed as delayed:
            self.stderr.write(str(delayed))
        note(project.id, "alias.added", alias.name)
        for alias in Alias.objects.filter(project=project):
            self.stdout.write(alias.name)
