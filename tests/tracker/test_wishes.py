"""Whom the tracker does not count, and what it keeps of whom it does: consent, off, frames."""

import pytest
from playwright.sync_api import Page

from tests.browser import Watch
from tests.tracker.site import Site, end

pytest_plugins = ("tests.browser", "tests.tracker.site")
pytestmark = pytest.mark.browser


def is_quiet(page: Page, site: Site) -> bool:
    """Whether nothing was sent, though the page has done all that sends."""
    page.evaluate("aq('signup')")
    page.evaluate("history.pushState({}, '', '/elsewhere')")
    page.goto(site.serve("/other", head=""))
    site.wait_for(lambda: ("GET", "/other") in site.asked)
    return not site.received


def test_events_wait_for_a_yes_with_the_page_that_was_landed_on(page: Page, site: Site) -> None:
    site.serve("/from", f'<a href="{site.origin}/a">a</a>', head="")
    site.serve("/a", consent="wait")
    page.goto(f"{site.origin}/from")
    page.click("a")
    page.wait_for_function("'aq' in window")
    page.evaluate("aq('signup')")
    page.evaluate("history.pushState({}, '', '/b')")
    assert site.received == []

    page.evaluate("aq.consent(true)")
    end(page, site)

    first, second = site.find()
    assert (first["path"], second["path"]) == ("/a", "/b")
    assert first["referrer"] == f"{site.origin}/from"
    assert site.find("signup")
    assert first["timestamp"] < site.received[0].events[0]["sentAt"]


def test_a_no_throws_away_what_waited_and_what_comes(page: Page, site: Site) -> None:
    page.goto(site.serve("/a", consent="wait"))
    page.evaluate("aq('signup')")
    page.evaluate("aq.consent(false)")

    assert is_quiet(page, site)


def test_a_yes_after_a_no_counts_from_then_on(page: Page, site: Site) -> None:
    page.goto(site.serve("/a", consent="wait"))
    page.evaluate("aq.consent(false)")
    page.evaluate("aq('before')")
    page.evaluate("aq.consent(true)")

    end(page, site)
    assert site.find("before") == []


def test_who_is_off_is_not_counted_here_nor_on_the_next_page(page: Page, site: Site) -> None:
    page.goto(site.serve("/a"))
    site.wait_for_event("pageview")
    page.evaluate("aq.off()")
    site.received.clear()
    page.evaluate("aq.consent(true)")
    assert is_quiet(page, site)

    page.goto(site.serve("/b"))
    page.wait_for_function("'aq' in window")
    assert is_quiet(page, site)


def test_an_address_switches_it_off_and_on_again(page: Page, site: Site) -> None:
    page.goto(f"{site.serve('/a')}#aq-off")
    page.wait_for_function("'aq' in window")
    assert is_quiet(page, site)
    page.goto(f"{site.origin}/a")
    page.wait_for_function("'aq' in window")
    assert is_quiet(page, site)

    page.goto(f"{site.origin}/a#aq-on")
    end(page, site)
    page.goto(f"{site.origin}/a")
    site.wait_for(lambda: len(site.find()) == 2)
    assert [view["path"] for view in site.find()] == ["/a", "/a"]


def test_nothing_else_is_stored(page: Page, site: Site) -> None:
    page.goto(site.serve("/a", track=""))
    page.evaluate("aq.identify('ann'); aq('signup'); aq.consent(true)")
    page.evaluate("history.pushState({}, '', '/b')")
    end(page, site)

    kept = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert kept == [0, 0, ""]
    assert page.evaluate("indexedDB.databases()") == []
    page.evaluate("aq.off()")
    assert page.evaluate("Object.entries(localStorage)") == [["aqOff", "1"]]


@pytest.mark.parametrize("wish", ["", "#aq-off", "#aq-on"])
def test_where_storage_is_forbidden_nobody_has_opted_out_but_for_this_page(
    page: Page, site: Site, wish: str
) -> None:
    page.add_init_script("""
        Object.defineProperty(window, "localStorage", { get() { throw new Error("forbidden") } })
    """)
    page.goto(f"{site.serve('/a')}{wish}")
    page.wait_for_function("'aq' in window")
    if wish == "#aq-off":
        assert is_quiet(page, site)
        return
    end(page, site)
    assert len(site.find()) == 1
    page.evaluate("aq.off()")
    site.received.clear()
    assert is_quiet(page, site)


def test_a_frame_is_not_counted(page: Page, site: Site) -> None:
    frame = site.serve("/frame")
    page.goto(site.serve("/a", f'<iframe src="{frame}"></iframe>'))
    end(page, site)
    page.frames[1].wait_for_function("'aq' in window")
    page.frames[1].evaluate("aq('inside'); aq.consent(true); aq('inside')")
    page.evaluate("aq('later')")
    site.wait_for_event("later")

    assert [view["path"] for view in site.find()] == ["/a"]
    assert site.find("inside") == []


def test_a_frame_is_counted_where_its_script_says_so_also_in_a_sandbox(
    page: Page, site: Site, watch: Watch
) -> None:
    frame = site.serve("/frame", frames="")
    sandbox = f'<iframe sandbox="allow-scripts" src="{frame}"></iframe>'
    page.goto(site.serve("/a", f'<iframe src="{frame}"></iframe>{sandbox}'))

    site.wait_for(lambda: len(site.find()) == 3)

    assert sorted(view["path"] for view in site.find()) == ["/a", "/frame", "/frame"]


def test_a_page_may_change_events_and_keep_them_back(page: Page, site: Site) -> None:
    page.goto(site.serve("/a"))
    page.evaluate("""void (aq.before = event => {
        if (event.event === "secret") return null
        event.path = event.path.replace(/\\d+/g, "*")
        delete event.url
        return event
    })""")
    page.evaluate("aq('secret')")
    page.evaluate("history.pushState({}, '', '/users/7')")
    end(page, site)

    assert site.find("secret") == []
    assert [view["path"] for view in site.find()] == ["/a", "/users/*"]
    assert "url" not in site.find()[1]


def test_who_is_named_stays_named_on_this_page_alone(page: Page, site: Site) -> None:
    page.goto(site.serve("/a"))
    site.wait_for_event("pageview")
    page.evaluate("aq.identify('ann')")
    page.evaluate("aq('signup')")
    assert site.wait_for_event("$identify")["userId"] == "ann"
    assert site.wait_for_event("signup")["userId"] == "ann"

    page.goto(site.serve("/b"))
    end(page, site)
    assert "userId" not in site.find()[1]


def test_a_browser_that_is_driven_says_so_and_another_says_nothing(page: Page, site: Site) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'webdriver', { get: () => false })")
    page.goto(site.serve("/a"))

    assert "automation" not in site.wait_for_event("pageview")
