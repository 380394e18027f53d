"""When tests run: the files that take longest first, and none over a midnight of UTC.

A fast one isn't over the end of a minute either, if it takes a second: pages and answers tell the
minute they are of, and a test that compares two of them would find them unlike.

After TESTS_UNTIL (unix seconds, of the environment) no slow test begins: a run that has only so
much time does on any machine what it can, and says how much it left.

Loaded with `-p`. What is said of a file holds for its slow tests or its fast ones, whichever run.
"""

import os
import time
from typing import Any

import pytest

# Those that take more than some ten seconds, the longest first: one that comes last is waited for
# while the other processes have nothing left to do.
LONGEST = (
    "tests/test_tenancy.py",
    "tests/reporting/test_story_of_everything.py",
    "tests/imports/test_crash_safety.py",
    "tests/exchange/test_crash_safety.py",
    "tests/upkeep/erasure/test_erasure_crash_safety.py",
    "tests/dashboard/looks/test_accessibility.py",
    "tests/docs/test_openapi.py",
    "tests/query_oracle/test_tables.py",
    "tests/query_oracle/test_stories.py",
    "tests/dashboard/looks/test_in_a_browser.py",
    "tests/columns/cuts/test_merge.py",
    "tests/server/test_relay.py",
    "tests/local/test_local_servers.py",
    "tests/reporting_columns/test_growing.py",
    "tests/operate/test_backup.py",
    "tests/shares/test_in_a_browser.py",
    "tests/imports/test_ending.py",
    "tests/tracker/test_sending.py",
    "tests/tracker/test_more.py",
    "tests/exchange/incoming/test_child.py",
    "tests/imports/test_imports_page.py",
    "tests/imports/test_own.py",
    "tests/shares/test_never_more.py",
    "tests/server/test_start.py",
    "tests/clients/test_posthog.py",
    "tests/clients/test_segment.py",
)

SECONDS_OF_A_DAY = 86_400
# What a test takes that stores events of now and asks about today.
FAST_SECONDS, SLOW_SECONDS = 3.0, 20.0
OTHER_SECONDS = {"tests/test_tenancy.py": 240.0, "tests/operate/test_backup.py": 60.0}
SECONDS_OF_A_MINUTE = 60
NO_TIME_IS_LEFT = "no time is left for it"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Once a day there is a wait of some seconds, and no test that is on two days."""
    is_slow = item.get_closest_marker("slow") is not None
    slow_seconds = OTHER_SECONDS.get(item.nodeid.partition("::")[0], SLOW_SECONDS)
    _wait_out(SECONDS_OF_A_DAY, slow_seconds if is_slow else FAST_SECONDS)
    if not is_slow:
        _wait_out(SECONDS_OF_A_MINUTE, 1.0)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    until = os.environ.get("TESTS_UNTIL")
    if until and time.time() > float(until) and item.get_closest_marker("slow"):
        pytest.skip(NO_TIME_IS_LEFT)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    skipped = terminalreporter.stats.get("skipped", ())
    if left := sum(NO_TIME_IS_LEFT in str(report.longrepr) for report in skipped):
        terminalreporter.write_line(f"{left} slow tests were left: the time was up.", red=True)


def _wait_out(period: int, needed: float) -> None:
    """Wait for the next period, in seconds of UTC, if less of this one is left than is needed."""
    left = period - time.time() % period
    if left < needed:
        time.sleep(left)
