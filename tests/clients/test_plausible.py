"""Plausible's trackers, pointed here. Neither sends again what was not taken."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.browser import Watch
from tests.clients.driving import read_stored
from tests.clients.pages import HOSTNAME, open_page, serve_pages, wait_until_stored
from tests.clients.unreliable import Fault, unreliable
from tests.conftest import TestProject
from tests.pages import set_rules
from tests.receivers.vendor import add_alias
from tests.service import Gunicorn

pytest_plugins = ("tests.service", "tests.browser")
pytestmark = pytest.mark.clients

EVENTS = 15


@pytest.fixture
def domain(project: TestProject) -> str:
    """An alias of the project: a new one, for the service remembers for a moment whose one was."""
    domain = f"{project.id.hex()}.example"
    add_alias(project, f"plausible:{domain}")
    return domain


@pytest.fixture
def origin(project: TestProject) -> Iterator[str]:
    with serve_pages() as origin:
        set_rules(project, allowed_origins=[origin])
        yield origin


def check_views(stored: list[Mapping[str, Any]], page: str) -> dict[str, Mapping[str, Any]]:
    by_name = {event["event"]: event for event in stored}
    assert len(by_name) == len(stored)
    view = by_name["pageview"]
    assert (view["path"], view["hostname"], view["utmSource"]) == (page, HOSTNAME, "mail")
    return by_name


def test_every_call_of_the_tracker_is_stored_once(
    gunicorn: Gunicorn, project: TestProject, origin: str, domain: str, context: BrowserContext
) -> None:
    told = {"host": gunicorn.address, "domain": domain, "events": EVENTS}
    page = open_page(context, f"{origin}/plausible?utm_source=mail", **told)
    assert page.evaluate("window.results") == [{"status": 202}] * EVENTS
    page.goto("about:blank")

    by_name = check_views(wait_until_stored(page, project, EVENTS + 2), "/plausible")
    assert len(by_name) == EVENTS + 2
    assert by_name["pageview"]["properties"] == {"plan": "pro"}
    revenue = {"revenue": 12.5, "currency": "EUR"}
    for number in range(EVENTS):
        expected = {"plan": "pro", "number": str(number), **({} if number else revenue)}
        assert by_name[f"event-{number}"]["properties"] == expected
    assert by_name["$engagement"]["properties"].keys() == {"plan", "scroll", "seconds"}


def test_every_call_of_the_older_tracker_is_stored_once(
    gunicorn: Gunicorn, project: TestProject, origin: str, domain: str, context: BrowserContext
) -> None:
    told = {"host": gunicorn.address, "domain": domain, "events": EVENTS}
    open_page(context, f"{origin}/plausible_tracker?utm_source=mail", **told)

    by_name = check_views(read_stored(project), "/plausible_tracker")
    assert len(by_name) == EVENTS + 1
    for number in range(EVENTS):
        assert by_name[f"event-{number}"]["properties"] == {"number": number, "plan": "pro"}


@pytest.mark.parametrize(
    ("fault", "lost"), [(Fault.UNAVAILABLE, 1), (Fault.RESET, 1), (Fault.LOST, 0)]
)
def test_what_meets_a_bad_answer_does_not_come_again_nor_twice(
    gunicorn: Gunicorn,
    project: TestProject,
    origin: str,
    domain: str,
    context: BrowserContext,
    watch: Watch,
    fault: Fault,
    lost: int,
) -> None:
    """As the tracker has it, wherever it sends."""
    watch.expect("Failed to load resource")
    with unreliable(gunicorn.port, [fault]) as proxy:
        told = {"host": proxy.address, "domain": domain, "events": EVENTS}
        open_page(context, f"{origin}/plausible?utm_source=mail", **told)

        assert proxy.faults_left == []
        assert len(read_stored(project)) == EVENTS + 1 - lost


def test_a_domain_that_no_project_has_is_refused(
    gunicorn: Gunicorn, project: TestProject, origin: str, context: BrowserContext, watch: Watch
) -> None:
    watch.expect("status of 400|CORS policy|ERR_FAILED")
    with unreliable(gunicorn.port) as proxy:
        told = {"host": proxy.address, "domain": "unknown.example", "events": 1}
        open_page(context, f"{origin}/plausible", **told)

        assert {exchange.status for exchange in proxy.exchanges} == {400}
    assert read_stored(project) == []
