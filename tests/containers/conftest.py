"""One deployment for all tests of this folder, removed at the end, however that comes."""

import signal
import time
from collections.abc import Iterator
from types import FrameType

import pytest

from tests.containers.deployment import Deployment
from tests.containers.engine import EngineMissing, check_engine
from tests.containers.first_start import FirstStart, start_first

NO_ENGINE_STATUS = 3
# With the first build of the image, and the images of the stores from a registry.
TEST_SECONDS = 1_200

_lines: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "containers" in item.keywords:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS), append=False)


@pytest.fixture(scope="package")
def engine() -> str:
    try:
        found = check_engine()
    except EngineMissing as error:
        pytest.exit(str(error), NO_ENGINE_STATUS)
    _lines.append(found)
    return found


@pytest.fixture(scope="package")
def first_start(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstStart]:
    """`docker compose up` where nothing was before."""
    deployment = Deployment(tmp_path_factory.mktemp("containers") / "project")
    began = time.monotonic()
    # As Ctrl-C: what was started is removed.
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        deployment.remove()
        deployment.forget_image()
        yield start_first(deployment)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would leave the rest behind
        deployment.remove()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, before)
        _lines.append(f"All of it took {time.monotonic() - began:.0f} s")


@pytest.fixture
def deployment(first_start: FirstStart) -> Deployment:
    """Up, whatever the test before it did."""
    if not first_start.deployment.is_ready(within_seconds=30):
        first_start.deployment.compose("up", "--detach")
        first_start.deployment.wait_until_ready()
    return first_start.deployment


@pytest.fixture
def report_lines() -> list[str]:
    return _lines


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _lines:
        terminalreporter.section("containers")
        terminalreporter.write_line("\n".join(_lines))
