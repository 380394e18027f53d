"""A real chromium for the tests that need one: a context for each, and nothing from elsewhere.

A test module that wants its fixtures says `pytest_plugins = ("tests.browser",)` and
`pytestmark = pytest.mark.browser`. The chromium is Debian's or whatever CHROMIUM_PATH names; none
is ever downloaded. Pages of a test are at `localhost` or a name that ends in `.localhost`: the
browser takes both for this machine, and for as secure as a site with TLS.
PYTEST_DONT_REWRITE
"""

import asyncio
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from local.process.child import Child

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NOT_FOUND = "needs a chromium: apt-get install chromium, or name one in CHROMIUM_PATH"
# Names of other machines are not even looked up.
_ARGUMENTS = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost,"
              " EXCLUDE 127.0.0.1",)  # fmt: skip
_SCHEMES = ("http", "https", "ws", "wss")
_STOP_GRACE_SECONDS = 5.0
_ACTION_TIMEOUT_MS = 20_000  # on a machine that does much else
_LEAVE_TIMEOUT_MS = 5_000
_CLOSE_SECONDS = 20


def find_chromium() -> str | None:
    """The program to start: what CHROMIUM_PATH names, else the first that is on PATH."""
    if named := os.environ.get("CHROMIUM_PATH"):
        return shutil.which(named)
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@dataclass
class Watch:
    """What pages of a context did that they should not: each line is a failure of the test.

    `expect` takes patterns of what a test provokes: an answer 503 is an error on the console, too.
    """

    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        self.expected.append(pattern)

    def follow(self, context: BrowserContext) -> None:
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))
        context.on("request", self._see)

    def list_unexpected(self) -> list[str]:
        patterns = [re.compile(pattern) for pattern in self.expected]
        return [
            line for line in self.complaints if not any(known.search(line) for known in patterns)
        ]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            place = message.location
            line = f"console {message.type}: {message.text} ({place['url']}:{place['lineNumber']})"
            self.complaints.append(line)

    def _see(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in _SCHEMES and not is_local(address.hostname):
            self.complaints.append(f"asked another host: {request.url}")


def is_local(host: str | None) -> bool:
    return host in ("localhost", "127.0.0.1") or (host or "").endswith(".localhost")


def launch(playwright: Playwright, *arguments: str, leave_out: tuple[str, ...] = ()) -> Browser:
    """Start the chromium, or skip the test where there is none.

    `arguments` are added to its command line, `leave_out` are those of Playwright's own that are
    not wanted.
    """
    program = find_chromium()
    if program is None:
        pytest.skip(NOT_FOUND)
    return playwright.chromium.launch(
        executable_path=program,
        args=[*_ARGUMENTS, *arguments],
        ignore_default_args=list(leave_out),
    )


@contextmanager
def run_alone(address: str, folder: Path) -> Iterator[None]:
    """A chromium that opens `address` and that nobody drives: its pages do all themselves.

    What is driven is never in the background, nor made before it is looked at.
    """
    program = find_chromium()
    if program is None:
        pytest.skip(NOT_FOUND)
    command = [
        program, "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-popup-blocking", f"--user-data-dir={folder}", *_ARGUMENTS, address,
    ]  # fmt: skip
    with (folder / "chromium.log").open("wb") as log:
        child = Child(command, directory=folder, environment=os.environ, stdout=log, stderr=log)
    try:
        yield
    finally:
        child.stop(_STOP_GRACE_SECONDS)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver; without a chromium the test is skipped.

    It runs an event loop in this thread for as long as it lives, and Django refuses to ask its
    database beside one, for fear of an asynchronous caller: here is none.
    """
    if find_chromium() is None:
        pytest.skip(NOT_FOUND)
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=_ACTION_TIMEOUT_MS)
    with sync_playwright() as driver:
        yield driver
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = launch(playwright)
    yield browser
    _end(browser)


@pytest.fixture
def watch() -> Watch:
    """For a test to say what it provokes: `watch.expect("503")`."""
    return Watch()


@pytest.fixture
def context(browser: Browser, watch: Watch) -> Iterator[BrowserContext]:
    """A browser without a past. What its pages complained of fails the test at its end."""
    context = browser.new_context()
    context.set_default_timeout(_ACTION_TIMEOUT_MS)
    watch.follow(context)
    yield context
    close(context)
    unexpected = watch.list_unexpected()
    assert unexpected == [], unexpected


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def close(context: BrowserContext) -> None:
    """The pages of a context are left first, so that what they say as they go is heard.

    They are not closed one by one: that waits without end for one that is about to go elsewhere.
    """
    for page in context.pages:
        try:
            page.goto("about:blank", wait_until="commit", timeout=_LEAVE_TIMEOUT_MS)
        except Error:  # it has closed itself, or is on its way
            continue
    _end(context)


def _end(ended: Browser | BrowserContext) -> None:
    """A chromium now and then never says that it has closed a context, and the driver waits for
    that without end. Whoever is left over goes with the driver."""
    closing = ended._impl_obj.close(reason=None)
    with suppress(TimeoutError):
        ended._sync(asyncio.wait_for(closing, _CLOSE_SECONDS))
