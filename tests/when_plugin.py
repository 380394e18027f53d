"""When tests run: the files that take longest first, and none over a midnight of UTC.

Loaded with `-p`. What is said of a file holds for its slow tests or its fast ones, whichever run.
"""

import time

import pytest

# Those that take more than some ten seconds, the longest first: one that comes last is waited for
# while the other processes have nothing left to do.
LONGEST: tuple[str, ...] = ()

SECONDS_OF_A_DAY = 86_400
# What a test takes that stores events of now and asks about today.
FAST_SECONDS, SLOW_SECONDS = 3.0, 20.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Once a day there is a wait of some seconds, and no test that is on two days."""
    needed = SLOW_SECONDS if item.get_closest_marker("slow") else FAST_SECONDS
    left = SECONDS_OF_A_DAY - time.time() % SECONDS_OF_A_DAY
    if left < needed:
        time.sleep(left)
