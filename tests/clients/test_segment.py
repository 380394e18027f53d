"""Segment's and RudderStack's own clients, pointed here: each call is stored once, whatever the
first answers are."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.browser import Watch
from tests.clients.driving import read_stored, run_client
from tests.clients.pages import open_page, serve_pages, wait_until_stored
from tests.clients.unreliable import Fault, unreliable
from tests.conftest import TestProject
from tests.pages import make_public_key, set_rules
from tests.service import Gunicorn

pytest_plugins = ("tests.service", "tests.browser")
pytestmark = pytest.mark.clients

EVENTS = 15
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
PAGE = {
    "path": "/product/42",
    "url": "https://shop.example/product/42",
    "referrer": "https://www.google.com/",
    "title": "Product 42",
}

Stored = Mapping[str, Any]


def check_tracks(by_name: Mapping[str, Stored]) -> None:
    for number in range(EVENTS):
        event = by_name[f"event-{number}"]
        assert event["properties"].items() >= {"number": number}.items()
        assert event["userId"] == "user-1"
    assert by_name["$identify"]["properties"].items() >= {"email": "user@shop.example"}.items()


def check(stored: list[Stored]) -> None:
    """What a client on a server was given, each once, in our words."""
    views = {event["path"]: event for event in stored if event["event"] == "pageview"}
    by_name = {event["event"]: event for event in stored if event["event"] != "pageview"}
    assert len(views) + len(by_name) == len(stored) == EVENTS + 5
    check_tracks(by_name)
    assert by_name["event-0"]["path"] == "/_event/event-0"
    view = views["/product/42"]
    assert (view["hostname"], view["title"], view["language"]) == (
        "shop.example", "Product 42", "pt-BR",
    )  # fmt: skip
    assert (view["userId"], view["utmSource"], view["source"]) == ("user-1", "mail", "mail")
    assert view["timestamp"] == AT
    properties = {"plan": "pro", "name": "Pricing", "anonymousId": "anonymous-1"}
    assert view["properties"].items() >= properties.items()
    assert "url" not in view["properties"]
    assert views["/Home"]["properties"].items() >= {"name": "Home", "type": "screen"}.items()
    group = {"groupId": "group-1", "name": "Company"}
    assert by_name["$group"]["properties"].items() >= group.items()
    assert by_name["$alias"]["properties"]["previousId"] == "anonymous-1"
    assert all("bot" not in event for event in stored)  # the programs' own name is nobody's


CLIENTS = ("segment_python.py", "segment_node.mjs", "rudder_python.py", "rudder_node.mjs")
BAD_STARTS = {
    "good answers": [],
    "503, then 429": [Fault.UNAVAILABLE, Fault.TOO_MANY],
    "a reset, and an answer that is lost": [Fault.RESET, Fault.LOST],
    "no answer": [Fault.SILENT],
}


def run(program: str, host: str, key: str, *, packed: bool = True, events: int = EVENTS) -> Any:
    told = {"host": host, "key": key, "events": events, "at": AT.isoformat(), "packed": packed}
    return run_client(program, **told, page=PAGE, timeoutSeconds=1)


@pytest.mark.parametrize("faults", BAD_STARTS.values(), ids=BAD_STARTS.keys())
@pytest.mark.parametrize("client", CLIENTS)
def test_every_call_of_a_server_is_stored_once(
    gunicorn: Gunicorn, project: TestProject, client: str, faults: list[Fault]
) -> None:
    with unreliable(gunicorn.port, faults) as proxy:
        result = run(client, proxy.address, project.ingest_key, packed=bool(faults))
        assert proxy.faults_left == []

    check(read_stored(project))
    # RudderStack's for Node gives up what gets no answer in time, which the service has already.
    assert result["errors"] == [] or (client == "rudder_node.mjs" and Fault.SILENT in faults)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_wrong_key_is_told_to_the_program(
    gunicorn: Gunicorn, project: TestProject, client: str
) -> None:
    result = run(client, gunicorn.address, "of another service", events=1)

    assert result["errors"]
    assert read_stored(project) == []


def is_sending(method: str, path: str) -> bool:
    return method == "POST" and path.startswith("/v1/")


PAGES = {
    "segment": ("segment_browser", {}),
    "segment in batches": ("segment_browser", {"batched": True}),
    "rudder": ("rudder_browser", {}),
}
OF_BROWSERS = {
    "good answers": [],
    "503": [Fault.UNAVAILABLE, Fault.UNAVAILABLE],
    "429": [Fault.TOO_MANY],
    "a reset, and an answer that is lost": [Fault.RESET, Fault.LOST],
}


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """One for all: a process that serves remembers for some seconds which ones are allowed."""
    with serve_pages() as found:
        yield found


@pytest.mark.parametrize("faults", OF_BROWSERS.values(), ids=OF_BROWSERS.keys())
@pytest.mark.parametrize("client", PAGES)
def test_every_call_of_a_page_is_stored_once(
    gunicorn: Gunicorn,
    project: TestProject,
    origin: str,
    context: BrowserContext,
    watch: Watch,
    client: str,
    faults: list[Fault],
) -> None:
    watch.expect("Failed to load resource")
    name, told = PAGES[client]
    with unreliable(gunicorn.port, faults, is_sending) as proxy:
        key = make_public_key(project)
        set_rules(project, allowed_origins=[origin])
        address = f"{origin}/{name}?utm_source=mail"
        page = open_page(context, address, host=proxy.address, key=key.text, events=EVENTS, **told)
        stored = wait_until_stored(page, project, EVENTS + 2)
        assert proxy.faults_left == []

    by_name = {event["event"]: event for event in stored}
    assert len(by_name) == len(stored) == EVENTS + 2
    check_tracks(by_name)
    view = by_name["pageview"]
    assert (view["path"], view["hostname"]) == (f"/{name}", "shop.localhost")
    assert (view["title"], view["utmSource"]) == ("A shop", "mail")
    assert view["properties"].items() >= {"plan": "pro", "name": "Pricing"}.items()
    assert by_name["event-0"]["path"] == f"/{name}"
    assert "Chrome" in view["browser"] or "Headless" in str(view.get("bot", ""))
