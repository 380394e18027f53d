"""PostHog's own clients, pointed here: each call is stored once, also when the answers are bad."""

from collections.abc import Mapping
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
PERSON = ("user-1",)

Stored = Mapping[str, Any]


def check(stored: list[Stored], *, of_server: bool = True) -> None:
    """What every client was given, each once, in our words."""
    by_name = {event["event"]: event for event in stored}
    assert len(by_name) == len(stored), sorted(event["event"] for event in stored)
    numbered = {f"event-{number}": number for number in range(EVENTS)}
    for name, number in numbered.items():
        assert by_name[name]["properties"] == {"number": number}
        assert by_name[name]["userId"] == "user-1"
    if not of_server:
        return
    assert by_name.keys() - numbered.keys() in (
        {"pageview", "$set", "$alias", "$group"},
        {"pageview", "$identify", "$alias", "$group"},
    )
    view = by_name["pageview"]
    assert (view["path"], view["hostname"]) == ("/product/42", "shop.example")
    assert (view["utmSource"], view["sessionId"]) == ("mail", "session-1")
    assert (view["timestamp"], view["properties"]) == (AT, {"plan": "pro"})
    told = by_name.get("$set") or by_name["$identify"]
    assert told["properties"] == {"$set": {"email": "user@shop.example"}}
    other = {by_name["$alias"]["userId"], by_name["$alias"]["properties"]["previousId"]}
    assert other == {"user-1", "anonymous-1"}
    assert by_name["$group"]["properties"]["$group_set"] == {"name": "Company"}


CLIENTS = ("python v0", "python v1", "node")
BAD_STARTS = {
    "good answers": [],
    "503, then 429": [Fault.UNAVAILABLE, Fault.TOO_MANY],
    "a reset, and an answer that is lost": [Fault.RESET, Fault.LOST],
    "no answer": [Fault.SILENT],
}


def run(client: str, host: str, key: str, *, packed: bool = True, events: int = EVENTS) -> Any:
    """`client` is the name of its program, and where it has several the version of capture."""
    told = {"host": host, "key": key, "events": events, "at": AT.isoformat(), "packed": packed}
    program, _, mode = client.partition(" ")
    if program == "node":
        return run_client("posthog_node.mjs", **told, timeout=1_000)
    return run_client("posthog_python.py", **told, timeout=1, mode=mode)


@pytest.mark.parametrize("faults", BAD_STARTS.values(), ids=BAD_STARTS.keys())
@pytest.mark.parametrize("client", CLIENTS)
def test_every_call_of_a_server_is_stored_once(
    gunicorn: Gunicorn, project: TestProject, client: str, faults: list[Fault]
) -> None:
    with unreliable(gunicorn.port, faults) as proxy:
        result = run(client, proxy.address, project.ingest_key, packed=bool(faults))
        assert proxy.faults_left == []

    check(read_stored(project))
    assert result["errors"] == [] or client == "node"  # which tells of each try


@pytest.mark.parametrize("client", CLIENTS)
def test_a_wrong_key_is_told_to_the_program(
    gunicorn: Gunicorn, project: TestProject, client: str
) -> None:
    result = run(client, gunicorn.address, "phc_of_another_service", events=1)

    assert result["errors"]
    assert read_stored(project) == []


def is_capturing(method: str, path: str) -> bool:
    return method == "POST" and path in ("/e/", "/i/v0/e/")


OF_BROWSERS = {
    "good answers": [],
    "503": [Fault.UNAVAILABLE, Fault.UNAVAILABLE],
    "resets": [Fault.RESET],
    "answers that are lost": [Fault.LOST, Fault.LOST],
}


@pytest.mark.parametrize("faults", OF_BROWSERS.values(), ids=OF_BROWSERS.keys())
def test_every_call_of_a_page_is_stored_once(
    gunicorn: Gunicorn,
    project: TestProject,
    context: BrowserContext,
    watch: Watch,
    faults: list[Fault],
) -> None:
    watch.expect("Failed to load resource")
    with serve_pages() as origin, unreliable(gunicorn.port, faults, is_capturing) as proxy:
        key = make_public_key(project)
        set_rules(project, allowed_origins=[origin])
        page = open_page(
            context,
            f"{origin}/posthog_js?utm_source=mail",
            host=proxy.address,
            key=key.text,
            events=EVENTS,
        )
        wait_until_stored(page, project, EVENTS + 2)
        page.goto("about:blank")
        stored = wait_until_stored(page, project, EVENTS + 3)
        assert proxy.faults_left == []

    check(stored, of_server=False)
    by_name = {event["event"]: event for event in stored}
    view, left = by_name["pageview"], by_name["$engagement"]
    assert (view["path"], view["utmSource"], view["title"]) == ("/posthog_js", "mail", "A shop")
    assert view["hostname"] == "shop.localhost"
    assert left["properties"]["seconds"] > 0
    assert by_name["$identify"]["properties"]["$set"] == {"email": "user@shop.example"}


def test_posthog_js_is_kept_quiet_about_flags(
    gunicorn: Gunicorn, project: TestProject, context: BrowserContext
) -> None:
    """What it asks beside sending is answered: nothing stands on the console."""
    with serve_pages() as origin, unreliable(gunicorn.port) as proxy:
        set_rules(project, allowed_origins=[origin])
        key = make_public_key(project).text
        address = f"{origin}/posthog_js"
        page = open_page(context, address, host=proxy.address, key=key, events=1, flags=True)
        wait_until_stored(page, project, 3)
        asked = {exchange.target.partition("?")[0] for exchange in proxy.exchanges}

    assert asked - {"/e/"} == {"/flags/", f"/array/{key}/config"}
    assert {exchange.status for exchange in proxy.exchanges} <= {200, 204}
