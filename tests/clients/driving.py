"""Run a program with a vendor's client in it, pointed at the service, and read what was stored."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from analytics.databases.mongo import EVENTS, collection
from ingestion.drain.loop import drain
from tests.clients.install import ENVIRONMENT, FOLDER, MODULES, PYTHON, find_node
from tests.conftest import TestProject

PROGRAMS = FOLDER / "programs"
PROGRAM_TIMEOUT_SECONDS = 90.0


def run_client(program: str, **told: Any) -> Any:
    """What a program of `programs/` prints, JSON; it is told where to send and what, as JSON, too.

    Skips the test where its client is not installed.
    """
    command = [*_find_interpreter(program), str(PROGRAMS / program), json.dumps(told)]
    done = subprocess.run(
        command,
        cwd=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PROGRAM_TIMEOUT_SECONDS,
    )
    assert done.returncode == 0, f"{program}:\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])


def _find_interpreter(program: str) -> list[str]:
    if program.endswith(".py"):
        if not PYTHON.exists():
            pytest.skip("The vendors' clients are not installed: make test-clients.")
        return [str(PYTHON)]
    node = find_node()
    if node is None:
        pytest.skip("This client needs Node 20 or newer.")
    if not MODULES.exists():
        pytest.skip("The vendors' clients are not installed: make test-clients.")
    return [node]


def read_stored(project: TestProject, **of: Any) -> list[Mapping[str, Any]]:
    """The stored events of a project, once what waits is stored, in the order of their moments."""
    while drain(0).work_left:
        pass
    return list(collection(EVENTS).find({"project": project.id, **of}).sort("timestamp"))
