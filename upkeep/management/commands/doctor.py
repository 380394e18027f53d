"""`manage.py doctor`: look the deployment over and say what to do."""

from django.core.management.base import CommandError

from upkeep.management.arguments import Options, OptionsCommand
from upkeep.watch.doctor import examine
from upkeep.watch.finding import Level


class Command(OptionsCommand):
    help = (
        "Check the servers, settings and processes of this deployment, and say what to do about "
        "each finding. Ends with status 1 if anything is wrong; warnings do not count."
    )
    # Its own checks say more than Django's, and it must run where those fail.
    requires_system_checks: list[str] = []  # noqa: RUF012  Django's own way to say so

    def run(self, options: Options) -> None:
        worst = 0
        for name, finding in examine():
            self.stdout.write(f"{finding.level.value:<5}{name}: {finding.what}")
            if finding.advice:
                self.stdout.write(f"{'':<5}  -> {finding.advice}")
            worst += finding.level is Level.WRONG
        if worst:
            raise CommandError(f"{worst} findings are wrong.")
        self.stdout.write("Nothing is wrong.")
