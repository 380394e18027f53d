"""A web site with the tracker in it, and a server that takes its events and answers as told.

One server, by two names: pages are at `shop.localhost`, the tracker and what takes events at
`stats.localhost`, so that the browser takes them for strangers. What comes is judged as the
service would judge it. A test module that wants the fixture says so:
`pytest_plugins = ("tests.tracker.site",)`.
PYTEST_DONT_REWRITE
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page

from analytics.events.event import decode_event
from analytics.web.scripts import CORE, FOLDER, MORE
from analytics.web.strip import strip_script

KEY = "pk_live_22222222_" + "x" * 43
WAIT_SECONDS = 60.0  # a chromium may take ten of them to come up
POLL_SECONDS = 0.02

# Of a page: how many requests have no answer yet. They overtake one another.
COUNT_FLYING = """(() => {
    const native = window.fetch
    let flying = 0
    window.countFlying = () => flying
    window.fetch = (...given) => {
        flying++
        return native(...given).finally(() => flying--)
    }
})()"""

Event = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the server does with a request: answers, or resets, or says nothing for a while."""

    status: int = 202
    headers: Mapping[str, str] = field(default_factory=dict)
    is_open: bool = True  # to pages of other origins
    resets: bool = False
    until: threading.Event | None = None  # it answers then


KEPT = Answer()
_SCRIPT = {"Content-Type": "text/javascript", "Access-Control-Allow-Origin": "*"}
_OPEN = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}


@dataclass(frozen=True)
class Received:
    """A request with events, as it came."""

    at: float  # seconds of the monotonic clock
    method: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    answer: Answer

    @property
    def events(self) -> list[Event]:
        found: list[Event] = json.loads(self.body)
        return found


class Site:
    """`received` has every request with events, in order."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, Mapping[str, str]]] = {}
        self.received: list[Received] = []
        self.asked: list[tuple[str, str]] = []  # method and path of everything else
        self.answers: list[Answer] = []  # the next ones; then all are kept
        self.always: Answer | None = None
        self.is_stripped = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def origin(self) -> str:
        return f"http://shop.localhost:{self.port}"

    @property
    def endpoint(self) -> str:
        return f"http://stats.localhost:{self.port}"

    def snippet(self, *, src: str = "/tracker.js", key: str | None = KEY, **attributes: Any) -> str:
        """The tag of the script; `track="links"` is written as `data-track="links"`."""
        data = {"key": key, **attributes}
        text = "".join(
            f' data-{name.replace("_", "-")}="{value}"'
            for name, value in data.items()
            if value is not None
        )
        return f'<script defer src="{self.endpoint}{src}"{text}></script>'

    def serve(
        self, path: str, body: str = "", *, head: str | None = None, title: str = "Page",
        headers: Mapping[str, str] | None = None, **attributes: Any,
    ) -> str:  # fmt: skip
        """Serve a page with the tracker, unless `head` is something else; its address."""
        head = self.snippet(**attributes) if head is None else head
        icon = '<link rel="icon" href="data:,">'
        html = f"<!doctype html><title>{title}</title>{icon}{head}<body>{body}"
        self.pages[path] = (html, headers or {})
        return self.origin + path

    @property
    def events(self) -> list[Event]:
        """Every event that was answered 202, once, in the order of their arrival."""
        found: dict[str, Event] = {}
        for request in list(self.received):
            if request.answer.status == 202 and not request.answer.resets:
                for event in request.events:
                    found.setdefault(event["eventId"], event)
        return list(found.values())

    def find(self, name: str = "pageview") -> list[Event]:
        """In the order in which they were, whatever the network made of it."""
        found = [event for event in self.events if event["event"] == name]
        return sorted(found, key=lambda event: str(event.get("timestamp", "")))

    def wait_for(self, is_there: Callable[[], Any]) -> None:
        """Until it is; what a browser sends comes when it likes."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not is_there():
            assert time.monotonic() < deadline, self.sum_up()
            time.sleep(POLL_SECONDS)

    def sum_up(self) -> list[str]:
        """A line for each request, for a test that fails."""
        return [
            f"{one.at:.2f} {one.answer.status} {len(one.body)} bytes: "
            + ", ".join(event["event"] for event in one.events)
            for one in self.received
        ]

    def wait_for_event(self, name: str) -> Event:
        self.wait_for(lambda: self.find(name))
        return self.find(name)[-1]


def stop_time(page: Page) -> None:
    """For what it opens: it passes as a test says, and not while the machine stalls."""
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))


def end(page: Page, site: Site) -> None:
    """Whatever the page had to say before has come when this returns."""
    page.evaluate("aq('end')")
    site.wait_for_event("end")
    site.wait_for(lambda: page.evaluate("countFlying()") == 0)


@pytest.fixture
def open_sites() -> Iterator[list[Site]]:
    """They go on when the test has ended, until its pages are left: those may be sending still."""
    sites: list[Site] = []
    yield sites
    for site in sites:
        site.close()


@pytest.fixture
def site(open_sites: list[Site]) -> Iterator[Site]:
    site = Site()
    open_sites.append(site)
    yield site
    for request in list(site.received):
        if request.method == "POST":
            _judge(request)


def _judge(request: Received) -> None:
    """What the service would refuse of it fails the test."""
    raws = [json.dumps(event).encode() for event in request.events]
    for raw in raws:
        decode_event(raw)
    assert len(request.body) <= max(16_384, max(map(len, raws))) + 100
    assert request.headers["content-type"].startswith("text/plain")
    assert "cookie" not in request.headers
    assert parse_qs(request.query) == {"key": [KEY]}
    assert isinstance(datetime.fromisoformat(request.events[0]["sentAt"]), datetime)


def _make_handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            site.asked.append(("GET", path))
            name = path.rpartition("/")[2]
            if name.endswith(MORE) or name.endswith("-more.js"):
                self._send(200, _read(MORE, site), _SCRIPT)
            elif name == CORE or name.endswith("stats.js"):
                self._send(200, _read(CORE, site), _SCRIPT)
            elif path in site.pages:
                html, headers = site.pages[path]
                self._send(
                    200, html.encode(), {"Content-Type": "text/html;charset=utf-8", **headers}
                )
            else:
                self._send(404, b"<!doctype html>", {"Content-Type": "text/html"})

        def do_OPTIONS(self) -> None:
            site.asked.append(("OPTIONS", urlsplit(self.path).path))
            self._send(403, b"", {})

        def do_POST(self) -> None:
            address = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if address.path != "/events":
                site.asked.append(("POST", address.path))
                self._send(200, b"", {})
                return
            answer = site.always or (site.answers.pop(0) if site.answers else KEPT)
            headers = {name.lower(): value for name, value in self.headers.items()}
            site.received.append(
                Received(time.monotonic(), "POST", address.query, headers, body, answer)
            )
            if answer.resets:
                self._reset()
                return
            if answer.until:
                answer.until.wait(WAIT_SECONDS)
            self._send(
                answer.status, b"{}", {**answer.headers, **(_OPEN if answer.is_open else {})}
            )

        def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def _reset(self) -> None:
            self.close_connection = True
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()

        def handle(self) -> None:
            try:
                super().handle()
            except (OSError, ValueError):  # the browser hung up
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _read(name: str, site: Site) -> bytes:
    source = (FOLDER / name).read_text(encoding="utf-8")
    return (strip_script(source) if site.is_stripped else source).encode()
