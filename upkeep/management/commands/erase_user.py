"""`manage.py erase_user`: remove what is stored of one user of a project."""

import getpass
import math
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.projects.models import Project
from upkeep.erasure.ask import TooManyToCount, ask_erasure, count_erasable
from upkeep.erasure.job import COUNTS, STATES, find_erasure
from upkeep.erasure.run import run_erasure

POLL_SECONDS = 1.0


class Command(BaseCommand):
    help = (
        "Erase a user, here and now, without Celery. It waits until what was accepted before "
        "is stored. Interrupted, it is gone on with by the workers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the userId, as events carry it")
        parser.add_argument("--project", required=True, help="16 hex digits")
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(pk=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        if options["dry_run"]:
            self._count(project, options["user"])
        else:
            self._erase(project, options["user"])

    def _count(self, project: Project, user_id: str) -> None:
        try:
            counts = count_erasable(project.id_bytes, user_id)
        except TooManyToCount:
            raise CommandError("Counting takes too long; erasing needs no count.") from None
        self.stdout.write(", ".join(f"{count} {name}" for name, count in counts.items()))

    def _erase(self, project: Project, user_id: str) -> None:
        asked_by = f"command {getpass.getuser()}"
        job = ask_erasure(project.id_bytes, project.partition, user_id, asked_by)
        erasure_id = job["_id"]
        self.stdout.write(f"erasure {erasure_id}")
        told = None
        while job["step"] != "done":
            run_erasure(erasure_id, math.inf)
            job = find_erasure(project.id_bytes, erasure_id) or {**job, "step": "done"}
            if (state := STATES[job["step"]]) != told:
                self.stdout.write(told := state)
            if state != "done":
                time.sleep(POLL_SECONDS)
        self.stdout.write(", ".join(f"{job['counts'][name]} {name}" for name in COUNTS))
