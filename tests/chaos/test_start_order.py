"""Started in any order, with seconds between: the service comes up by itself."""

import time
from contextlib import ExitStack

import pytest

from tests.chaos.system import stop
from tests.chaos.trial import Chaos

pytestmark = pytest.mark.chaos

PAUSE_SECONDS = 2
ORDERS = [
    ("web", "worker", "beat", "mongo", "broker", "stream"),
    ("beat", "worker", "stream", "web", "broker", "mongo"),
    ("mongo", "worker", "web", "stream", "beat", "broker"),
]


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_starting_in_the_order(order: tuple[str, ...], chaos: Chaos) -> None:
    system = chaos.system
    fault = f"all stopped, then started: {', '.join(order)}"
    with chaos.under_load(fault), ExitStack() as paused:
        for kept in (*system.programs, *system.servers):
            paused.enter_context(kept.paused())
        for program in system.programs:
            stop(program.process)
        for server in system.servers:
            server.process.stop()
        for name in order:
            getattr(system, name).process.start()
            time.sleep(PAUSE_SECONDS)
