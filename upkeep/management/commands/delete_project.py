"""`manage.py delete_project`: delete a project and everything that is stored of it."""

import getpass

from django.core.management.base import CommandError, CommandParser

from analytics.databases.mongo import PROJECT_DELETIONS
from analytics.projects.models import Project
from upkeep.deletion.job import ask_deletion
from upkeep.job_table import JOB_KINDS
from upkeep.jobs.engine import describe_counts, follow_job
from upkeep.management.arguments import Options, OptionsCommand


class Command(OptionsCommand):
    help = (
        "Delete a project: stop its keys, store what was accepted, then remove all of it. "
        "Interrupted, it is gone on with by the workers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="16 hex digits")
        parser.add_argument("--confirm", required=True, metavar="NAME", help="the project's name")
        parser.add_argument("--no-wait", action="store_true", help="leave it to the workers")

    def run(self, options: Options) -> None:
        project = Project.objects.filter(pk=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        if options["confirm"] != project.name:
            raise CommandError(f"That project has another name than {options['confirm']!r}.")
        job = ask_deletion(project, f"command {getpass.getuser()}")
        kind = JOB_KINDS[PROJECT_DELETIONS]
        if options["no_wait"]:
            self.stdout.write(kind.job.STATES[job["step"]])
            return
        job = follow_job(kind, job, self.stdout.write)
        self.stdout.write(describe_counts(kind, job))
