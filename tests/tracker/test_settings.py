"""Where the tracker's settings come from, on pages that do not leave a script as it was written."""

from typing import Any

import pytest
from playwright.sync_api import Page

from analytics.web.scripts import CORE, read_script
from tests.browser import Watch
from tests.tracker.site import KEY, Site, end

pytest_plugins = ("tests.browser", "tests.tracker.site")
pytestmark = pytest.mark.browser

OTHER_NAME: dict[str, Any] = {"global": "stats"}
STUB = "<script>window.aq = window.aq || function () { aq.q.push(arguments) }; aq.q = aq.q || []"


def test_a_tag_manager_that_drops_attributes_leaves_the_key_in_the_address(
    page: Page, site: Site
) -> None:
    head = f"""<script>
        const script = document.createElement("script")
        script.src = "{site.endpoint}/tracker.js?key={KEY}"
        document.head.append(script)
    </script>"""
    page.goto(site.serve("/a", head=head))

    assert site.wait_for_event("pageview")["path"] == "/a"


def test_a_script_that_is_run_as_text_finds_the_one_with_the_key(page: Page, site: Site) -> None:
    """As consent tools and optimisers do it: then it does not know which script it is."""
    head = f"""
        <script type="text/blocked" data-key="{KEY}" src="{site.endpoint}/tracker.js"></script>
        <script type="module">
            const text = await (await fetch("/copy.js")).text()
            setTimeout(text)
        </script>"""
    site.pages["/copy.js"] = (read_script(CORE).content.decode(), {"Content-Type": "text/plain"})
    page.goto(site.serve("/a", head=head))

    assert site.wait_for_event("pageview")["path"] == "/a"


def test_a_page_may_hand_over_the_settings_itself(page: Page, site: Site) -> None:
    page.goto(site.serve("/a", key=None))
    page.wait_for_function("'aq' in window")
    page.evaluate("aq('early')")
    page.evaluate("settings => aq.config(settings)", {"key": KEY, "endpoint": site.endpoint})

    site.wait_for_event("pageview")  # else the end may overtake it
    end(page, site)
    assert [event["event"] for event in site.events] == ["early", "pageview", "end"]


def test_what_is_said_before_it_has_loaded_is_said_after_the_view(page: Page, site: Site) -> None:
    head = f"{STUB}; aq('signup', {{ plan: 'pro' }})</script>{site.snippet()}"
    page.goto(site.serve("/a", head=head))
    site.wait_for_event("signup")  # else the end may overtake it
    end(page, site)

    assert [event["event"] for event in site.events] == ["pageview", "signup", "end"]
    assert site.find("signup")[0]["properties"] == {"plan": "pro"}


def test_a_hook_may_be_there_before_it_has_loaded(page: Page, site: Site) -> None:
    head = f"{STUB}; aq.before = e => ((e.path = '/masked'), e)</script>{site.snippet()}"
    page.goto(site.serve("/a", head=head))

    assert site.wait_for_event("pageview")["path"] == "/masked"


def test_a_name_that_is_somebody_elses_is_left_alone(page: Page, site: Site) -> None:
    head = f"<script>window.aq = () => 'theirs'</script>{site.snippet()}"
    page.goto(site.serve("/a", head=head))

    assert site.wait_for_event("pageview")["path"] == "/a"
    assert page.evaluate("aq()") == "theirs"


def test_the_function_may_have_another_name(page: Page, site: Site) -> None:
    page.goto(site.serve("/a", **OTHER_NAME))
    page.evaluate("stats('signup')")

    assert site.wait_for_event("signup")
    assert page.evaluate("typeof aq") == "undefined"


def test_events_go_where_the_page_says(page: Page, site: Site) -> None:
    endpoint = f"http://own.localhost:{site.port}"
    page.goto(site.serve("/a", endpoint=endpoint))

    site.wait_for_event("pageview")
    assert site.received[0].headers["host"] == f"own.localhost:{site.port}"


def test_two_projects_on_one_page_each_have_their_views(page: Page, site: Site) -> None:
    other = f"pk_live_33333333_{'y' * 43}"
    head = site.snippet() + site.snippet(key=other, **{"global": "aq2"})
    page.goto(site.serve("/a", head=head))

    site.wait_for(lambda: len(site.find()) == 2)

    assert {one.query for one in site.received} == {f"key={KEY}", f"key={other}"}
    site.received.clear()  # the fixture knows one key


def test_a_page_of_segment_and_a_pixel_in_a_sandbox_both_work(page: Page, site: Site) -> None:
    """Segment's snippet has `analytics`; Shopify's pixels are in frames, and say all."""
    segment = (
        "<script>window.analytics = []; analytics.track = (...a) => analytics.push(a)</script>"
    )
    pixel = (
        site.snippet(auto="off", frames="")
        + """<script>
        addEventListener("load", () => aq.view({
            url: "https://shop.example/checkouts/c1/thank-you",
            referrer: "https://shop.example/cart",
            title: "Thank you",
        }))
    </script>"""
    )
    frame = site.serve("/pixel", head=pixel)
    sandbox = f'<iframe sandbox="allow-scripts" src="{frame}"></iframe>'
    page.goto(site.serve("/a", sandbox, head=segment + site.snippet()))
    page.evaluate("analytics.track('Signed Up')")

    site.wait_for(lambda: len(site.find()) == 2)

    assert page.evaluate("analytics.length") == 1
    [sold] = [view for view in site.find() if "shop.example" in view["url"]]
    assert sold["title"] == "Thank you"


def test_a_strict_policy_and_a_pinned_script_are_enough(
    page: Page, site: Site, watch: Watch
) -> None:
    site.is_stripped = True
    pinned = f'src="{site.endpoint}/tracker.js" integrity="{read_script(CORE).integrity}"'
    head = f'<script defer {pinned} crossorigin data-key="{KEY}"></script>'
    policy = (
        f"default-src 'none'; script-src {site.endpoint}; connect-src {site.endpoint}; "
        "img-src data:; require-trusted-types-for 'script'"
    )
    page.goto(site.serve("/a", head=head, headers={"Content-Security-Policy": policy}))
    page.evaluate("history.pushState({}, '', '/b')")
    end(page, site)

    assert [view["path"] for view in site.find()] == ["/a", "/b"]
    assert watch.list_unexpected() == []


def test_another_script_than_the_pinned_one_does_not_run(
    page: Page, site: Site, watch: Watch
) -> None:
    watch.expect("integrity")
    pinned = f'src="{site.endpoint}/tracker.js" integrity="sha384-{"A" * 64}"'
    page.goto(site.serve("/a", head=f'<script {pinned} crossorigin data-key="{KEY}"></script>'))

    assert page.evaluate("typeof aq") == "undefined"
