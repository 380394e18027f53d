"""The scripts of Mixpanel and Snowplow in a page, pointed here: each call is stored once."""

import pytest
from playwright.sync_api import BrowserContext

from tests.clients.pages import open_page, serve_pages, wait_until_allowed, wait_until_stored
from tests.conftest import TestProject
from tests.pages import make_public_key, set_rules
from tests.receivers.vendor import add_alias
from tests.service import Gunicorn

pytest_plugins = ("tests.service", "tests.browser")
pytestmark = pytest.mark.clients

EVENTS = 8
# By a page: how many events it makes, and where its events have their number.
PAGES = {"mixpanel_browser": (EVENTS + 4, "number"), "snowplow_browser": (EVENTS + 1, "value")}


@pytest.mark.parametrize("program", PAGES)
def test_every_call_of_a_page_is_stored_once(
    gunicorn: Gunicorn, project: TestProject, context: BrowserContext, program: str
) -> None:
    expected, number = PAGES[program]
    with serve_pages() as origin:
        key, app = make_public_key(project).text, project.id.hex()
        add_alias(project, f"snowplow:{app}")
        set_rules(project, allowed_origins=[origin])
        wait_until_allowed(gunicorn, origin)
        told = {"host": gunicorn.address, "key": key, "app": app, "events": EVENTS}
        page = open_page(context, f"{origin}/{program}?utm_source=mail", **told)
        stored = wait_until_stored(page, project, expected)

    assert len(stored) == expected
    [view] = [event for event in stored if event["event"] == "pageview"]
    assert (view["path"], view["utmSource"]) == (f"/{program}", "mail")
    assert view["hostname"] == "shop.localhost"
    for index in range(EVENTS):
        [event] = [event for event in stored if event["event"] == f"event-{index}"]
        assert event["properties"][number] == index
