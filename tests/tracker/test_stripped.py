"""The scripts as they are served do what their sources do."""

import re
from collections import Counter
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.tracker.site import Answer, Site
from tests.tracker.test_sending import HIDE, SHOW

pytest_plugins = ("tests.browser", "tests.tracker.site")
pytestmark = pytest.mark.browser

ALL = Counter(
    ["signup", "named", "$link", "$download", "$form", "$identify", "$404", "end"]
    + 2 * ["pageview"]
)
# What differs from one run to the next.
_OF_A_RUN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z"
)


def play(browser: Browser, site: Site) -> list[Any]:
    """A story with all there is in it; what the server was sent."""
    site.received.clear()
    context = browser.new_context()
    page = context.new_page()
    page.clock.install()
    body = """<a href="https://other.example/far?a=1">far</a><a href="/x.pdf">file</a>
        <form name="ask" onsubmit="return false"><button>ask</button></form>
        <b data-aq-event="named" data-aq-plan="pro">named</b><p style="height: 3000px"></p>"""
    page.goto(site.serve("/a", body, title="A", track="links downloads forms elements scroll 404"))
    page.wait_for_function("aq.scroll")
    page.clock.run_for(1_000)
    page.evaluate("addEventListener('click', event => event.target.href && event.preventDefault())")
    site.answers = [Answer(503)]
    page.evaluate("aq('signup', { plan: 'pro', text: '// no comment', more: `a\\n  b` })")
    page.wait_for_timeout(200)
    page.clock.run_for(5_000)
    for name in ("text=far", "text=file", "text=ask", "b"):
        page.click(name)
    page.evaluate("aq.identify('ann')")
    page.evaluate("history.pushState({}, '', '/b#!/c'); document.title = 'B'")
    page.clock.run_for(3_000)
    page.evaluate(HIDE)
    page.evaluate(SHOW)
    page.evaluate("aq('end')")
    page.clock.run_for(5_000)
    site.wait_for(lambda: count(site) == ALL)
    context.close()
    events = sorted(site.events, key=lambda event: event["eventId"][:13])
    for event in events:
        event.pop("sentAt", None)
        for measured in ("seconds", "scroll"):
            event.get("properties", {}).pop(measured, None)
    text = [_OF_A_RUN.sub("*", repr(sorted(event.items()))) for event in events]
    return sorted(set(text))


def count(site: Site) -> Counter[str]:
    """Of each event how many; engagement is told as often as there is more of it."""
    names = (event["event"] for event in site.events)
    return Counter(name for name in names if name != "$engagement")


def test_what_is_served_does_what_its_source_does(browser: Browser, site: Site) -> None:
    by_source = play(browser, site)
    site.is_stripped = True
    by_served = play(browser, site)

    assert by_served == by_source
