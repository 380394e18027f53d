"""The core of the suite, for `make test`: under one load, every process is killed once."""

import time

import pytest

from tests.chaos.trial import Chaos
from tests.processes import kill

pytestmark = pytest.mark.slow


def test_every_process_is_killed_under_load_and_each_accepted_event_is_stored_once(
    chaos: Chaos,
) -> None:
    system = chaos.system
    with chaos.under_load("SIGKILL of every process, a second apart"):
        for parent in (system.web, system.worker):
            kill(parent.find_child())
        for kept in (system.worker, system.stream, system.mongo, system.broker, system.web):
            kept.kill()
            time.sleep(1)
        system.beat.kill()
