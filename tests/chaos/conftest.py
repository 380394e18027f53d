"""The system under test, started once for all faults, and the table at the end."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.chaos.evidence.books import Row
from tests.chaos.evidence.table import render_table
from tests.chaos.system import System
from tests.chaos.trial import Chaos
from tests.servers_plugin import Servers

TRIAL_SECONDS = 400

_rows: list[Row] = []


@pytest.fixture(scope="package")  # other tests want to drain by themselves
def system(
    servers: Servers, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[System]:
    system = System(servers.stream, servers.broker, servers.mongo, {})
    try:
        system.start()
        yield system
    finally:
        system.stop()


@pytest.fixture
def chaos(system: System, django_db_blocker: DjangoDbBlocker) -> Iterator[Chaos]:
    with django_db_blocker.unblock():
        yield Chaos(system, _rows)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A trial waits for up to HEAL_SECONDS more than once."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(TRIAL_SECONDS), append=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _rows:
        return
    lines = [render_table(_rows)]
    for skipped in terminalreporter.stats.get("skipped", []):
        _, _, reason = skipped.longrepr
        lines.append(f"Not run: {skipped.nodeid}: {reason.removeprefix('Skipped: ')}")
    terminalreporter.section("what the faults did")
    terminalreporter.write_line("\n".join(lines))
    if file := os.environ.get("CHAOS_TABLE"):
        Path(file).write_text("\n".join(lines) + "\n")
