"""Share links in real browsers, without a cookie, on a running service: alone and in frames.

`tests/browser.py` fails a test whose page complains: of an error, of its policy, of another host.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from playwright.sync_api import Page, Request, expect

from people.shares.models import ShareLink
from tests.browser import Watch
from tests.conftest import TestProject
from tests.service import Gunicorn
from tests.shares.conftest import GERMANY, Share, Visitor
from tests.shares.firefox import run_firefox
from tests.shares.websites import Websites, serve_websites

pytest_plugins = ("tests.browser", "tests.service")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

PRICING = "document.querySelector(\"#panel-pages [data-key='/pricing'] a\")"
VISITORS = "document.querySelector('[data-metric=visitors]')?.dataset.value"


@pytest.fixture(scope="module")
def websites() -> Iterator[Websites]:
    """They outlive the pages that show them."""
    with serve_websites() as served:
        yield served


@pytest.fixture
def asked(page: Page) -> list[Request]:
    """What the browser asked for."""
    requests: list[Request] = []
    page.context.on("request", lambda request: requests.append(request))
    return requests


def address_of(gunicorn: Gunicorn, visitor: Visitor, query: str = "") -> str:
    """Of another site than all names that end in .localhost."""
    return f"http://127.0.0.1:{gunicorn.port}{visitor.home}{query}"


def lock(visitor: Visitor, password: str) -> None:
    """With a hash that the service can check: tests make theirs in a quicker way."""
    kept = PBKDF2PasswordHasher().encode(password, "salt", iterations=1_000)
    ShareLink.objects.filter(pk=visitor.link.pk).update(password=kept)


def test_a_stranger_looks_filters_and_lists(
    page: Page, gunicorn: Gunicorn, told: TestProject, share: Share, asked: list[Request]
) -> None:
    visitor = share(told, ("pages", "places"), restriction=GERMANY, period="7d")
    page.goto(address_of(gunicorn, visitor))
    expect(page.locator("[data-metric=views]")).to_have_attribute("data-value", "3")
    expect(page.locator(".curve canvas")).to_be_visible()
    expect(page.locator("#current")).to_have_count(0)

    page.locator("#panel-pages [data-key='/pricing'] a").click()
    expect(page.locator("[data-metric=views]")).to_have_attribute("data-value", "1")
    expect(page.locator(".chip")).to_contain_text("/pricing")
    page.go_back()
    expect(page.locator("[data-metric=views]")).to_have_attribute("data-value", "3")
    page.locator("#panel-pages [data-key='/docs'] .row-more").click()
    expect(page.locator("#row-menu")).to_contain_text("Only this")
    expect(page.locator("#row-menu a")).to_have_count(2)
    expect(page.locator("#row-menu")).to_be_visible()  # it has its links before it opens
    page.keyboard.press("Escape")
    page.locator("#panel-pages .panel-foot a").click()
    expect(page.locator(".list-table tbody tr")).to_have_count(3)
    page.get_by_role("link", name="Overview").click()
    expect(page.locator("[data-metric=views]")).to_have_attribute("data-value", "3")

    assert page.context.cookies() == []
    assert not any("cookie" in request.headers for request in asked)
    assert {request.url.split("/")[3] for request in asked} <= {"share", "static", "favicon.svg"}


def test_in_a_frame_it_works_without_cookies_and_says_how_high_it_is(
    page: Page, gunicorn: Gunicorn, told: TestProject, share: Share, websites: Websites,
    asked: list[Request],
) -> None:  # fmt: skip
    visitor = share(told, restriction=GERMANY, period="7d", origins=[websites.name("blog")])
    websites.address = address_of(gunicorn, visitor, "?bare=1&theme=dark&background=ffffff&lang=de")
    page.goto(websites.name("blog"))
    frame = page.frame_locator("iframe")

    expect(frame.locator("[data-metric=views]")).to_have_attribute("data-value", "3")
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    expect(frame.locator("header.frame")).to_have_count(0)
    frame.locator("#panel-pages [data-key='/pricing'] a").click()
    expect(frame.locator("[data-metric=views]")).to_have_attribute("data-value", "1")
    expect(page).to_have_title("high true")
    assert page.context.cookies() == []
    assert not any("cookie" in request.headers for request in asked)
    told_where = [
        request.url for request in asked if visitor.token in request.headers.get("referer", "")
    ]
    assert told_where == []


def test_a_website_that_is_not_listed_shows_nothing(
    page: Page, gunicorn: Gunicorn, told: TestProject, share: Share, websites: Websites,
    watch: Watch,
) -> None:  # fmt: skip
    watch.expect("frame-ancestors")
    for origins in ([websites.name("blog")], []):
        visitor = share(told, period="7d", origins=origins)
        websites.address = address_of(gunicorn, visitor)
        with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            page.goto(websites.name("elsewhere"))
        assert "/share/" not in page.frames[1].url
        expect(page.frame_locator("iframe").locator("[data-part]")).to_have_count(0)


def test_a_password_is_asked_for_outside_of_frames_alone(
    page: Page, gunicorn: Gunicorn, told: TestProject, share: Share, websites: Websites
) -> None:
    visitor = share(told, period="7d")
    lock(visitor, "open sesame")
    websites.address = address_of(gunicorn, visitor)
    page.goto(websites.name("blog"))
    frame = page.frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text("This page has a password")
    expect(frame.locator("form")).to_have_count(0)

    with page.expect_popup() as opened:
        frame.get_by_role("link", name="Open in a new tab").click()
    tab = opened.value
    tab.get_by_label("Password").fill("wrong")
    tab.get_by_role("button", name="Open").click()
    expect(tab.get_by_role("alert")).to_have_text("This is not the password.")
    tab.get_by_label("Password").fill("open sesame")
    tab.get_by_role("button", name="Open").click()
    expect(tab.locator("[data-metric=views]")).to_have_attribute("data-value", "5")
    assert "sesame" not in tab.url

    page.reload()
    expect(frame.locator("h1")).to_have_text("This page has a password")


def test_in_firefox_frames_work_without_cookies_and_are_refused_to_others(
    gunicorn: Gunicorn, told: TestProject, share: Share, websites: Websites, tmp_path: Path
) -> None:
    framed = share(told, restriction=GERMANY, period="7d", origins=[websites.name("blog")])
    locked = share(told, period="7d", password="x")
    with run_firefox(tmp_path) as firefox:
        websites.address = address_of(gunicorn, framed)
        firefox.open(websites.name("blog"))
        firefox.enter_frame()
        assert firefox.wait_for(VISITORS) == "2"
        firefox.run("document.querySelector('#panel-pages').scrollIntoView()")
        firefox.wait_for(PRICING)
        firefox.run(f"{PRICING}.click()")
        firefox.wait_for("document.querySelector('.chip')?.textContent.includes('/pricing')")
        firefox.wait_for(f"{VISITORS} === '1'")
        assert firefox.run("return document.cookie") == ""
        firefox.leave_frame()
        assert firefox.wait_for("document.title.startsWith('high')")

        firefox.open(websites.name("elsewhere"))
        firefox.enter_frame()
        assert firefox.run("return document.querySelector('[data-part]')") is None
        assert "/share/" not in firefox.run("return document.URL") or firefox.run(
            "return document.documentURI"
        ).startswith("about:")

        websites.address = address_of(gunicorn, locked)
        firefox.open(websites.name("blog"))
        firefox.enter_frame()
        assert firefox.wait_for("document.querySelector('h1')?.textContent") == (
            "This page has a password"
        )
        assert firefox.run("return document.querySelectorAll('form').length") == 0
        assert firefox.run("return document.querySelector('a').target") == "_blank"

        firefox.open(address_of(gunicorn, framed))
        assert firefox.wait_for(VISITORS) == "2"
        assert firefox.list_cookies() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_what_is_shared(
    page: Page, gunicorn: Gunicorn, told: TestProject, share: Share, theme: str, watch: Watch
) -> None:
    watch.expect("404")
    visitor = share(told, ("pages", "places", "bots"), period="7d")
    locked = share(told, password="open sesame")
    for address in (
        address_of(gunicorn, visitor, f"?theme={theme}&f=is:userId:x"),
        address_of(gunicorn, visitor, f"list/path?theme={theme}"),
        address_of(gunicorn, locked),
        f"http://127.0.0.1:{gunicorn.port}/share/nothing/",
    ):
        page.goto(address)
        page.wait_for_function("() => !document.querySelector('.loading')")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
