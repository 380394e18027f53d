"""`manage.py delete_project`: delete a project and everything that is stored of it."""

import getpass
import math
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.projects.models import Project
from upkeep.deletion.job import COUNTS, ask_deletion, find_deletion, state_of
from upkeep.deletion.run import run_deletion

POLL_SECONDS = 1.0


class Command(BaseCommand):
    help = (
        "Delete a project: stop its keys, store what was accepted, then remove all of it. "
        "Interrupted, it is gone on with by the workers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="16 hex digits")
        parser.add_argument("--confirm", required=True, metavar="NAME", help="the project's name")
        parser.add_argument("--no-wait", action="store_true", help="leave it to the workers")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(pk=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        if options["confirm"] != project.name:
            raise CommandError(f"That project has another name than {options['confirm']!r}.")
        job = ask_deletion(project, f"command {getpass.getuser()}")
        told = None
        while told != "done":
            if (state := state_of(job["step"])) != told:
                self.stdout.write(told := state)
            if options["no_wait"]:
                return
            if state != "done":
                run_deletion(project.id, math.inf)
                job = find_deletion(project.id) or job
                time.sleep(0 if state_of(job["step"]) == "done" else POLL_SECONDS)
        self.stdout.write(", ".join(f"{job['counts'][name]} {name}" for name in COUNTS))
