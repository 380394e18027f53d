"""Links, downloads, forms, elements, scroll depth, vitals: what the second script is for."""

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser import Watch
from tests.tracker.site import Answer, Site, end

pytest_plugins = ("tests.browser", "tests.tracker.site")
pytestmark = pytest.mark.browser

LINKS = """
    <a id="plain" href="{other}/far?token=secret#x">far</a>
    <a id="blank" href="{other}/blank" target="_blank">blank</a>
    <a id="top" href="{other}/top" target="_top">top</a>
    <svg width="60" height="20"><a id="svg" href="{other}/svg"><text y="15">svg</text></a></svg>
    <map name="m"><area id="area" href="{other}/area" shape="default"></map>
    <img usemap="#m" width="20" height="20" src="data:,">
    <div id="host"></div>
    <a id="own" href="/near">near</a>
    <a id="mail" href="mailto:a@example.com">mail</a>
    <script>
        const root = host.attachShadow({{ mode: "open" }})
        root.innerHTML = '<a id="shadow" href="{other}/shadow"><slot></slot></a>'
        host.innerHTML = "<b>slotted</b>"
    </script>
"""


def ready(page: Page, site: Site, path: str, body: str = "", **attributes: Any) -> None:
    """A page whose second script runs."""
    page.goto(site.serve(path, body, **attributes))
    page.wait_for_function(
        "performance.getEntriesByName(document.head.lastElementChild.src).length"
    )
    page.evaluate("new Promise(resolve => setTimeout(resolve))")


def urls(site: Site, name: str) -> list[str]:
    return [event["properties"]["url"].rpartition("/")[2] for event in site.find(name)]


@pytest.fixture
def links(site: Site) -> str:
    other = f"http://other.localhost:{site.port}"
    for name in ("far", "blank", "top", "svg", "area", "shadow"):
        site.serve(f"/{name}", head="")
    return LINKS.format(other=other)


def test_without_its_attribute_there_is_one_script(page: Page, site: Site) -> None:
    page.goto(site.serve("/a"))
    end(page, site)

    assert not [path for _, path in site.asked if "more" in path]


@pytest.mark.parametrize("src", ["/tracker.js", "/stats.js?v=1.js", "/x.js/stats.js"])
def test_the_second_script_is_beside_the_first(page: Page, site: Site, src: str) -> None:
    ready(page, site, "/a", src=src, track="")
    end(page, site)

    asked = [path for _, path in site.asked if "more" in path]
    assert asked == [re.sub(r"\.js(\?.*)?$", "-more.js", src)]


@pytest.mark.parametrize("name", ["plain", "blank", "top", "svg", "area", "shadow"])
def test_a_link_that_leads_elsewhere_does_so_and_is_one_event(
    page: Page, context: BrowserContext, site: Site, links: str, name: str
) -> None:
    ready(page, site, "/a", links, track="links")
    target = "/far" if name == "plain" else f"/{name}"
    element = page.locator(f"#{name}")
    if name == "area":
        element.dispatch_event("click")
    else:
        element.click()

    site.wait_for(lambda: ("GET", target) in site.asked)
    site.wait_for_event("$link")
    assert urls(site, "$link") == [target[1:]]
    assert "token" not in site.find("$link")[0]["properties"]["url"]


@pytest.mark.parametrize("how", ["middle", "Control", "Shift"])
def test_a_link_in_a_new_tab_or_window_is_one_event_also_while_the_server_is_away(
    page: Page, context: BrowserContext, site: Site, links: str, watch: Watch, how: str
) -> None:
    watch.expect("Failed to load resource")
    ready(page, site, "/a", links, track="links")
    site.wait_for_event("pageview")
    site.answers = [Answer(resets=True), Answer(resets=True), Answer(503)]
    options: dict[str, Any] = {"button": "middle"} if how == "middle" else {"modifiers": [how]}
    page.click("#plain", **options)

    site.wait_for(lambda: ("GET", "/far") in site.asked)
    site.wait_for_event("$link")
    assert urls(site, "$link") == ["far"]
    assert page.url == f"{site.origin}/a"


def test_a_link_on_the_site_another_button_and_another_scheme_are_no_events(
    page: Page, site: Site, links: str
) -> None:
    ready(page, site, "/a", links, track="links", own_hosts=f"other.localhost:{site.port}")
    page.click("#plain", button="right")
    page.evaluate("document.addEventListener('click', event => event.preventDefault())")
    for name in ("own", "mail", "plain"):
        page.click(f"#{name}")
    end(page, site)

    assert site.find("$link") == []


def test_a_file_is_one_event_wherever_it_is(page: Page, site: Site) -> None:
    body = f"""
        <a id="one" href="/Price-List.PDF?session=1">list</a>
        <a id="two" href="http://other.localhost:{site.port}/app.zip">app</a>
        <a id="three" href="/report" download>report</a>
        <a id="four" href="/pdf">no file</a>
    """
    ready(page, site, "/a", body, track="downloads links")
    page.evaluate("document.addEventListener('click', event => event.preventDefault())")
    for name in ("one", "two", "three", "four"):
        page.click(f"#{name}")
    end(page, site)

    assert urls(site, "$download") == ["Price-List.PDF", "app.zip", "report"]
    assert site.find("$link") == []


def test_a_form_is_told_of_by_name_and_never_what_was_written(page: Page, site: Site) -> None:
    site.serve("/search", head="")
    body = """
        <form name="signup" action="/search"><input name="mail" required><button>go</button></form>
    """
    ready(page, site, "/a", body, track="forms")
    page.click("button")
    page.evaluate("document.addEventListener('submit', event => event.preventDefault())")
    page.fill("input", "ann@example.com")
    page.click("button")
    end(page, site)

    [sent] = site.find("$form")
    assert sent["properties"] == {"form": "signup"}
    assert not any(b"ann@example.com" in one.body for one in site.received)
    assert ("GET", "/search") not in site.asked  # the page stopped it, and so it stayed


@pytest.mark.parametrize(
    ("tag", "named"),
    [
        ('<form id="by-id" action="/search">', "by-id"),
        ('<form action="/search?q=1">', "/search"),
        ("<form>", ""),
    ],
)
def test_a_form_without_a_name_is_told_of_all_the_same(
    page: Page, site: Site, tag: str, named: str
) -> None:
    site.serve("/search", head="")
    ready(page, site, "/a", f"{tag}<button>go</button></form>", track="forms")
    page.click("button")

    assert site.wait_for_event("$form")["properties"] == {"form": named}


def test_an_element_may_name_an_event(page: Page, site: Site) -> None:
    body = """
        <a href="#" data-aq-event="signup" data-aq-plan="pro" data-aq-first-time="yes"><b>go</b></a>
        <form data-aq-event="asked" onsubmit="return false"><button id="ask">ask</button></form>
        <button data-aq-event="late" onclick="event.stopPropagation()">late</button>
    """
    ready(page, site, "/a", body, track="elements")
    page.click("b")
    page.click("#ask")
    page.click("text=late")
    end(page, site)

    assert site.find("signup")[0]["properties"] == {"plan": "pro", "firstTime": "yes"}
    assert len(site.find("asked")) == 1
    assert len(site.find("late")) == 1


def test_what_is_not_asked_for_is_not_told(page: Page, site: Site, links: str) -> None:
    ready(page, site, "/a", f'{links}<button data-aq-event="signup">go</button>', track="vitals")
    page.evaluate("document.addEventListener('click', event => event.preventDefault())")
    page.click("#plain")
    page.click("button")
    end(page, site)

    assert {event["event"] for event in site.events} == {"pageview", "end"}


def test_a_page_that_is_not_there_says_so_and_where_the_way_began(page: Page, site: Site) -> None:
    site.serve("/from", f'<a href="{site.origin}/gone">gone</a>', head="")
    site.serve("/gone", track="404")
    page.goto(f"{site.origin}/from")
    page.click("a")

    missing = site.wait_for_event("$404")
    assert missing["path"] == "/gone"
    assert missing["properties"] == {"referrer": f"{site.origin}/from"}


def test_how_far_a_page_was_read_is_told_with_its_engagement(page: Page, site: Site) -> None:
    ready(page, site, "/a", '<div style="height: 7200px"></div>', track="scroll")
    page.mouse.move(5, 5)
    page.evaluate("scrollTo(0, 2880)")
    page.wait_for_function("aq.scroll >= 45")
    page.evaluate("scrollTo(0, 0)")
    page.evaluate("history.pushState({}, '', '/b')")
    told = site.wait_for_event("$engagement")
    view = site.find()[0]
    page.goto(site.serve("/c", head=""))

    assert told["properties"]["view"] == view["eventId"]
    assert 45 <= told["properties"]["scroll"] <= 55
    site.wait_for(lambda: len(site.find("$engagement")) == 2)
    second = site.find("$engagement")[1]["properties"]
    assert second["view"] == site.find()[1]["eventId"]
    assert second["scroll"] < 20


def test_vitals_are_told_once_a_document_as_it_is_left(page: Page, site: Site) -> None:
    ready(page, site, "/a", "<h1>Title</h1><button>go</button>", track="vitals")
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    page.click("button")
    page.evaluate("history.pushState({}, '', '/b')")
    page.goto(site.serve("/c", head=""))

    vitals = site.wait_for_event("$vitals")["properties"]

    assert {"ttfb", "fcp", "lcp", "cls"} <= vitals.keys()
    assert all(isinstance(value, int | float) and value >= 0 for value in vitals.values())
    assert len(site.find("$vitals")) == 1
