"""How long a page was looked at: in total of each view, however often it was hidden."""

import pytest
from playwright.sync_api import Page

from tests.tracker.site import Site, end, stop_time
from tests.tracker.test_sending import HIDE, SHOW

pytest_plugins = ("tests.browser", "tests.tracker.site")
pytestmark = pytest.mark.browser


def begin(page: Page, site: Site) -> None:
    stop_time(page)
    page.goto(site.serve("/a"))
    page.clock.run_for(500)
    site.wait_for_event("pageview")


def seconds(site: Site) -> list[float]:
    return [event["properties"]["seconds"] for event in site.find("$engagement")]


def test_ten_times_hidden_and_shown_is_as_if_once(page: Page, site: Site) -> None:
    begin(page, site)
    for _ in range(10):
        page.clock.run_for(2_000)
        page.evaluate(HIDE)
        page.clock.run_for(60_000)
        page.evaluate(SHOW)
    end(page, site)

    assert len({event["properties"]["view"] for event in site.find("$engagement")}) == 1
    assert seconds(site) == sorted(seconds(site))
    assert len(seconds(site)) == 10
    assert 20 <= max(seconds(site)) <= 21.5
    assert len(site.find()) == 1


def test_what_is_less_than_a_second_more_is_not_told(page: Page, site: Site) -> None:
    begin(page, site)
    page.clock.run_for(1_000)
    for _ in range(3):
        page.evaluate(HIDE)
        page.evaluate(SHOW)
        page.clock.run_for(200)
    end(page, site)

    assert len(seconds(site)) == 1


def test_a_forgotten_page_ends_five_minutes_after_the_last_touch(page: Page, site: Site) -> None:
    begin(page, site)
    page.clock.run_for(60_000)
    page.keyboard.press("a")
    page.clock.run_for(3_600_000)
    page.keyboard.press("b")
    page.clock.run_for(10_000)
    page.evaluate(HIDE)
    end(page, site)

    assert 370 <= seconds(site)[-1] <= 372


def test_each_view_of_a_document_has_its_own(page: Page, site: Site) -> None:
    begin(page, site)
    page.clock.run_for(5_000)
    page.evaluate("history.pushState({}, '', '/b')")
    page.clock.run_for(3_000)
    page.evaluate(HIDE)
    end(page, site)

    first, second = site.find("$engagement")
    assert (first["path"], second["path"]) == ("/a", "/b")
    views = [view["eventId"] for view in site.find()]
    assert [first["properties"]["view"], second["properties"]["view"]] == views
    assert (round(first["properties"]["seconds"]), second["properties"]["seconds"]) == (6, 3)


def test_a_page_that_is_not_looked_at_takes_no_time(page: Page, site: Site) -> None:
    page.add_init_script("document.hasFocus = () => false")
    begin(page, site)
    page.clock.run_for(60_000)
    page.evaluate(HIDE)
    end(page, site)

    assert seconds(site) == []
