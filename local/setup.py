"""Brings a new or older database into the state in which the service can start."""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.child import Child
from local.credentials import Secrets

POLL_SECONDS = 0.05
COMMAND_GRACE_SECONDS = 5.0
# What `manage.py setup_local` answers and reads back: keys are shown only when they are made.
REMEMBERED = {"ingestKey": "INGEST_KEY", "readKey": "READ_KEY"}


class CommandFailed(Exception):
    """A management command ended with an error; its own words are on the terminal."""


def prepare_database(
    repository: Path,
    environment: Mapping[str, str],
    secrets: Secrets,
    raise_if_stopped: Callable[[], None],
) -> None:
    """Migrates, makes the admin user, a first project and its keys; the secrets remember them."""

    def manage(*arguments: str, **variables: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return run_command(command, repository, {**environment, **variables}, raise_if_stopped)

    manage("migrate", "--verbosity", "0")
    remembered = {
        variable: secrets.get(name) for name, variable in REMEMBERED.items() if secrets.get(name)
    }
    output = manage("setup_local", ADMIN_PASSWORD=secrets["adminPassword"], **remembered)
    answer: dict[str, str] = json.loads(output.splitlines()[-1])
    secrets.save(**{name: answer[name] for name in (*REMEMBERED, "adminUser")})


def run_command(
    command: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    raise_if_stopped: Callable[[], None],
) -> str:
    """Returns what the command wrote to stdout. Raises CommandFailed."""
    with tempfile.TemporaryFile() as stdout:
        child = Child(command, directory=directory, environment=environment, stdout=stdout)
        try:
            while child.is_running():
                raise_if_stopped()
                time.sleep(POLL_SECONDS)
        finally:
            child.stop(COMMAND_GRACE_SECONDS)
        stdout.seek(0)
        output = stdout.read().decode()
    if child.poll() != 0:
        raise CommandFailed(f"`{' '.join(command[1:])}` failed with status {child.poll()}.")
    return output
