"""The system under test, started once for all faults, and the table at the end."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.chaos.books import Row
from tests.chaos.system import System
from tests.chaos.table import render_table
from tests.chaos.trial import Chaos
from tests.servers_plugin import Servers

_rows: list[Row] = []


@pytest.fixture(scope="session")
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _rows:
        return
    table = render_table(_rows)
    terminalreporter.section("what the faults did")
    terminalreporter.write_line(table)
    if file := os.environ.get("CHAOS_TABLE"):
        Path(file).write_text(table + "\n")
