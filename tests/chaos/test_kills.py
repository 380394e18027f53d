"""SIGKILL for each process of the service in turn."""

import pytest

from tests.chaos.trial import Chaos
from tests.processes import kill

pytestmark = pytest.mark.chaos

PROCESSES = {
    "web": "the gunicorn master",
    "worker": "the Celery worker",
    "beat": "beat",
    "mongo": "mongod",
    "stream": "the stream's Redis",
    "broker": "the broker's Redis",
}


@pytest.mark.parametrize("name", PROCESSES)
def test_sigkill_of(name: str, chaos: Chaos) -> None:
    with chaos.under_load(f"SIGKILL of {PROCESSES[name]}"):
        getattr(chaos.system, name).kill()


@pytest.mark.parametrize("name", ["web", "worker"])
def test_sigkill_of_a_child_of(name: str, chaos: Chaos) -> None:
    with chaos.under_load(f"SIGKILL of a child of {PROCESSES[name]}"):
        for _ in range(3):
            kill(getattr(chaos.system, name).find_child())
