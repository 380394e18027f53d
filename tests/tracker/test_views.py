"""What a page view is, in a real browser."""

import pytest
from playwright.sync_api import Page, Playwright

from tests.browser import Watch, launch
from tests.tracker.site import COUNT_FLYING, Site, end

pytest_plugins = ("tests.browser", "tests.tracker.site")
pytestmark = pytest.mark.browser


def paths(site: Site) -> list[str]:
    return [view["path"] for view in site.find()]


def test_a_page_that_is_opened_is_one_view(page: Page, site: Site) -> None:
    site.serve("/from", f'<a href="{site.origin}/a?x=1#top">a</a>', head="")
    site.serve("/a", title="A page")
    page.goto(f"{site.origin}/from")
    page.click("a")

    view = site.wait_for_event("pageview")

    end(page, site)
    assert len(site.find()) == 1
    assert view["url"] == f"{site.origin}/a?x=1#top"
    assert (view["path"], view["title"]) == ("/a", "A page")
    assert view["referrer"] == f"{site.origin}/from"
    assert (view["screen"], view["language"]) == ("1280x720", "en-US")
    assert view["automation"] is True
    assert view["eventId"][14] == "7"
    assert "userId" not in view


def test_replacing_the_state_on_every_scroll_is_one_view(page: Page, site: Site) -> None:
    page.goto(site.serve("/a"))
    page.evaluate("for (let i = 0; i < 500; i++) history.replaceState({ i }, '', '/a#' + i)")

    end(page, site)

    assert paths(site) == ["/a"]


def test_a_state_that_leads_elsewhere_is_a_view_also_when_it_is_replaced(
    page: Page, site: Site
) -> None:
    page.goto(site.serve("/a"))
    page.evaluate("history.replaceState({}, '', '/b')")
    page.evaluate("history.pushState({}, '', '/c')")

    end(page, site)

    assert paths(site) == ["/a", "/b", "/c"]
    assert [view["referrer"] for view in site.find()][1:] == [
        f"{site.origin}/a",
        f"{site.origin}/b",
    ]


def test_two_moves_within_a_moment_are_two_views_with_no_wrong_title(
    page: Page, site: Site
) -> None:
    page.goto(site.serve("/start", title="Start"))
    site.wait_for_event("pageview")

    page.evaluate("""() => {
        history.pushState({}, "", "/a")
        setTimeout(() => (document.title = "A"), 20)
        setTimeout(() => {
            history.pushState({}, "", "/b")
            setTimeout(() => (document.title = "B"), 20)
        }, 60)
    }""")
    site.wait_for(lambda: len(site.find()) == 3)

    titles = {view["path"]: view.get("title") for view in site.find()}
    assert titles == {"/start": "Start", "/a": None, "/b": "B"}


def test_a_title_that_comes_a_little_later_is_the_views(page: Page, site: Site) -> None:
    later = "<script>setTimeout(() => document.title = 'Ready', 50)</script>"
    page.goto(site.serve("/a", later, title="Loading"))

    assert site.wait_for_event("pageview")["title"] == "Ready"


def test_a_route_in_the_fragment_is_a_page_and_so_is_the_way_back(page: Page, site: Site) -> None:
    page.goto(site.serve("/app"))
    page.evaluate("location.hash = '#/settings'")
    page.evaluate("location.hash = '#!/users/7'")
    page.evaluate("history.back()")
    page.wait_for_function("location.hash === '#/settings'")

    end(page, site)

    assert paths(site) == ["/app", "/app/settings", "/app/users/7", "/app/settings"]


def test_the_headings_of_a_page_are_no_pages_unless_they_are_asked_for(
    page: Page, site: Site
) -> None:
    page.goto(site.serve("/plain"))
    page.evaluate("location.hash = '#second'")
    end(page, site)
    assert paths(site) == ["/plain"]

    site.received.clear()
    page.goto(site.serve("/book", hash="all"))
    page.evaluate("location.hash = '#second'")
    end(page, site)
    assert paths(site) == ["/book", "/book/second"]


def test_a_query_is_no_other_page_unless_the_project_keeps_it(page: Page, site: Site) -> None:
    page.goto(site.serve("/a"))
    page.evaluate("history.pushState({}, '', '/a?tab=2')")
    end(page, site)
    assert paths(site) == ["/a"]

    site.received.clear()
    page.goto(site.serve("/b", query=""))
    page.evaluate("history.pushState({}, '', '/b?tab=2')")
    end(page, site)
    assert paths(site) == ["/b", "/b?tab=2"]


def test_a_script_that_is_there_twice_counts_once(page: Page, site: Site) -> None:
    page.goto(site.serve("/a", head=site.snippet() * 2))
    page.evaluate(f"""() => {{
        const again = document.createElement("script")
        again.src = "{site.endpoint}/tracker.js"
        again.dataset.key = document.querySelector("script[data-key]").dataset.key
        const loaded = new Promise(resolve => (again.onload = resolve))
        document.body.append(again)
        return loaded
    }}""")
    page.evaluate("history.pushState({}, '', '/b')")

    end(page, site)

    assert paths(site) == ["/a", "/b"]
    assert len(site.find("end")) == 1


def test_views_may_be_left_to_the_page(page: Page, site: Site) -> None:
    page.goto(site.serve("/a", auto="off"))
    page.evaluate("history.pushState({}, '', '/b')")
    page.evaluate("""aq.view({
        url: "https://shop.example/checkout?step=1", title: "Checkout", referrer: "https://a.example/"
    })""")

    end(page, site)

    [view] = site.find()
    assert view["url"] == "https://shop.example/checkout?step=1"
    assert (view["title"], view["referrer"]) == ("Checkout", "https://a.example/")
    assert "path" not in view


def test_what_the_page_does_with_its_history_stays_what_it_is(page: Page, site: Site) -> None:
    page.goto(site.serve("/a"))
    page.evaluate("history.pushState({ x: 1 }, '', '/b')")
    assert page.evaluate("history.state") == {"x": 1}

    refused = page.evaluate("""() => {
        try { history.pushState({}, "", "https://other.example/") } catch (error) { return error }
    }""")

    assert "cannot be created" in str(refused)
    end(page, site)
    assert paths(site) == ["/a", "/b"]


def test_an_error_of_ours_never_reaches_the_page(page: Page, site: Site) -> None:
    page.goto(site.serve("/a"))
    site.wait_for_event("pageview")

    page.evaluate("void (aq.before = () => { throw new Error('of the hook') })")
    page.evaluate("history.pushState({}, '', '/b')")
    page.evaluate("aq('circular', (() => { const loop = {}; return (loop.loop = loop) })())")
    page.evaluate("void (aq.before = event => ((event.properties = { seen: true }), event))")
    page.evaluate("aq(Symbol('x'))")

    end(page, site)
    assert site.find("end")[0]["properties"] == {"seen": True}


def test_a_page_out_of_the_cache_is_a_new_view_without_referrer_and_begins_at_nothing(
    playwright: Playwright, site: Site
) -> None:
    watch, chromium = Watch(), launch(playwright, leave_out=("--disable-back-forward-cache",))
    context = chromium.new_context()
    context.add_init_script(COUNT_FLYING)
    watch.follow(context)
    page = context.new_page()
    page.goto(site.serve("/a", f'<a href="{site.serve("/b", head="")}">b</a>'))
    page.evaluate("addEventListener('pageshow', event => (window.restored = event.persisted))")
    site.wait_for_event("pageview")
    page.wait_for_timeout(1_100)  # of engagement, which is told as the page is left
    page.click("a")
    page.wait_for_url("**/b")
    page.evaluate("history.back()")
    page.wait_for_function("window.restored")

    end(page, site)
    chromium.close()

    first, second = site.find()
    assert (first["path"], second["path"]) == ("/a", "/a")
    assert first["eventId"] != second["eventId"]
    assert (first["referrer"], "referrer" in second) == ("", False)
    [told] = site.find("$engagement")
    assert told["properties"]["view"] == first["eventId"]
    assert watch.list_unexpected() == []
