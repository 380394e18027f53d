"""`manage.py erase_user`: remove what is stored of one user of a project."""

import getpass

from django.core.management.base import CommandError, CommandParser

from analytics.databases.mongo import ERASURES
from analytics.projects.models import Project
from upkeep.erasure.ask import TooManyToCount, ask_erasure, count_erasable
from upkeep.job_table import JOB_KINDS
from upkeep.jobs.engine import describe_counts, follow_job
from upkeep.management.arguments import Options, OptionsCommand


class Command(OptionsCommand):
    help = (
        "Erase a user, here and now, without Celery. It waits until what was accepted before "
        "is stored. Interrupted, it is gone on with by the workers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the userId, as events carry it")
        parser.add_argument("--project", required=True, help="16 hex digits")
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def run(self, options: Options) -> None:
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
        self.stdout.write(f"erasure {job['_id']}")
        kind = JOB_KINDS[ERASURES]
        job = follow_job(kind, job, self.stdout.write)
        self.stdout.write(describe_counts(kind, job))
