"""Web pages with a vendor's script in them, served from this machine to the browser of a test.

The pages are `programs/*.html`; what packages hold is below `/modules/`. A page finds what it is
told in `window.told`.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from local.process.ports import LOOPBACK
from tests.clients.driving import PROGRAMS, read_stored
from tests.clients.install import MODULES
from tests.conftest import TestProject
from tests.service import Gunicorn

HOSTNAME = "shop.localhost"
DONE_TIMEOUT_MS = 60_000
STORED_TIMEOUT_SECONDS = 20.0
_MODULES = "/modules/"


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, "": "text/html"}  # noqa: RUF012

    def translate_path(self, path: str) -> str:
        path = path.partition("?")[0]
        if not path.startswith(_MODULES):
            return super().translate_path(f"{path}.html" if "." not in path else path)
        found = (MODULES / path.removeprefix(_MODULES)).resolve()
        if not found.is_relative_to(MODULES.resolve()):
            return str(MODULES / "nothing")
        if not found.is_file():  # as bundlers resolve an import
            found = next(
                filter(Path.is_file, (found.with_suffix(".js"), found / "index.js")), found
            )
        return str(found)

    def log_message(self, format: str, *arguments: object) -> None:
        """What a page lacks it says on its console."""


@contextmanager
def serve_pages() -> Iterator[str]:
    """The origin of the pages."""
    if not MODULES.exists():
        pytest.skip("The vendors' clients are not installed: make test-clients.")
    handler = partial(_Handler, directory=str(PROGRAMS))
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://{HOSTNAME}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def open_page(context: BrowserContext, address: str, **told: Any) -> Page:
    """A page that has been told where to send and what."""
    page = context.new_page()
    page.add_init_script(f"window.told = {json.dumps(told)};")
    page.goto(address)
    page.wait_for_function("window.done === true", timeout=DONE_TIMEOUT_MS)
    return page


def wait_until_stored(page: Page, project: TestProject, count: int) -> list[Mapping[str, Any]]:
    """Once so many are there, or as many as there are when the time is up."""
    stored = read_stored(project)
    deadline = time.monotonic() + STORED_TIMEOUT_SECONDS
    while len(stored) < count and time.monotonic() < deadline:
        page.wait_for_timeout(100)
        stored = read_stored(project)
    return stored


def wait_until_allowed(gunicorn: Gunicorn, origin: str) -> None:
    """The service knows for some seconds which origins may ask before they send."""
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    deadline = time.monotonic() + STORED_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if (
            "access-control-allow-methods"
            in gunicorn.request("OPTIONS", "/event", b"", asked).headers
        ):
            return
        time.sleep(0.2)
