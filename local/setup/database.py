"""Brings a new or older database into the state in which the service can start."""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from local.process.child import Child
from local.setup.credentials import Secrets

POLL_SECONDS = 0.05
COMMAND_GRACE_SECONDS = 5.0
# What `manage.py setup_local` answers and reads back: keys are shown only when they are made.
REMEMBERED = {
    "ingestKey": "INGEST_KEY",
    "readKey": "READ_KEY",
    "adminPasswordHash": "ADMIN_PASSWORD_HASH",
}
ANSWERED = (*REMEMBERED, "publicKey", "adminUser")


class CommandFailed(Exception):
    """A management command ended with an error; its own words are on the terminal."""


class Preparation:
    """Migrates, makes the admin user, a first project and its keys, in a process of its own.

    It begins at once; until its servers are up it loads what it needs, and then waits for them up
    to `wait_seconds`.
    """

    def __init__(
        self,
        repository: Path,
        environment: Mapping[str, str],
        secrets: Secrets,
        wait_seconds: float = 0,
    ) -> None:
        self._secrets = secrets
        self._command = ["manage.py", "setup_local", "--migrate", "--wait", f"{wait_seconds:.0f}"]
        given = {
            variable: secrets.get(name)
            for name, variable in REMEMBERED.items()
            if secrets.get(name)
        }
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        self._child = Child(
            [sys.executable, *self._command],
            directory=repository,
            environment={**environment, **given, "ADMIN_PASSWORD": secrets["adminPassword"]},
            stdout=self._output,
        )

    def finish(self, check: Callable[[], None]) -> None:
        """Returns when it is done and the secrets remember what it made; calls `check` meanwhile.

        Raises CommandFailed, and what `check` raises.
        """
        try:
            while self._child.is_running():
                check()
                time.sleep(POLL_SECONDS)
            if status := self._child.poll():
                raise CommandFailed(f"`{' '.join(self._command)}` failed with status {status}.")
            self._output.seek(0)
            answer: dict[str, str] = json.loads(self._output.read().splitlines()[-1])
        finally:
            self.stop()
        self._secrets.save(**{name: answer[name] for name in ANSWERED})

    def stop(self) -> None:
        """Harmless when it has ended."""
        self._child.stop(COMMAND_GRACE_SECONDS)
        self._output.close()


def prepare_database(repository: Path, environment: Mapping[str, str], secrets: Secrets) -> None:
    """All of it, on servers that are up. Raises CommandFailed."""
    Preparation(repository, environment, secrets).finish(check=lambda: None)
