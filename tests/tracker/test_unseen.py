"""Pages that nobody sees yet, or any more: made ahead, in the background, closed in the middle.

In a browser that nobody drives, since one that is driven shows all its pages.
"""

from pathlib import Path

import pytest

from tests.browser import run_alone
from tests.tracker.site import KEY, Site

pytest_plugins = ("tests.browser", "tests.tracker.site")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

AHEAD = """<script type="speculationrules">
    {"prerender": [{"urls": ["/ahead"], "eagerness": "immediate"}]}
</script>"""
# What a page tells the server, so that a test can follow it.
TELL = "const tell = what => fetch('/' + what, { method: 'POST', keepalive: true });"


def told(site: Site, what: str) -> bool:
    return ("POST", f"/{what}") in site.asked


def test_a_page_that_is_made_ahead_and_never_shown_is_no_view(site: Site, tmp_path: Path) -> None:
    page = f"<script>{TELL} addEventListener('load', () => tell('made-' + document.prerendering))"
    site.serve("/ahead", f"{page}</script>")
    site.serve("/begin", AHEAD, head="")
    with run_alone(f"{site.origin}/begin", tmp_path):
        site.wait_for(lambda: told(site, "made-true"))

    assert site.received == []


def test_a_page_that_is_made_ahead_counts_when_it_is_shown(site: Site, tmp_path: Path) -> None:
    page = f"<script>{TELL} addEventListener('load', () => tell('made-' + document.prerendering))"
    site.serve("/ahead", f"{page}</script>")
    go = """<script>
        const look = async () => {
            if ((await fetch("/go")).ok) location.href = "/ahead"
            else setTimeout(look, 50)
        }
        look()
    </script>"""
    site.serve("/begin", AHEAD + go, head="")
    with run_alone(f"{site.origin}/begin", tmp_path):
        site.wait_for(lambda: told(site, "made-true"))
        assert site.received == []
        site.serve("/go", head="")
        view = site.wait_for_event("pageview")

    assert not told(site, "made-false")
    assert (view["path"], len(site.find())) == ("/ahead", 1)
    assert view["referrer"] == f"{site.origin}/begin"


def test_a_page_in_the_background_counts_when_it_is_shown(site: Site, tmp_path: Path) -> None:
    """The first page opens another before it, waits, and closes it: then the first is seen."""
    site.serve("/front", f"<script>{TELL} tell('front')</script>", head="")
    site.serve(
        "/back",
        f"""<script>{TELL}
        document.addEventListener("visibilitychange", async () => {{
            if (!document.hidden) return
            const tag = document.createElement("script")
            tag.src = "{site.endpoint}/tracker.js"
            tag.dataset.key = "{KEY}"
            document.head.append(tag)
            tag.onload = async () => {{
                history.pushState({{}}, "", "/back-2")
                await tell("hidden")
                look()
            }}
        }})
        const look = async () => {{
            if ((await fetch("/go")).ok) front.close()
            else setTimeout(look, 50)
        }}
        addEventListener("load", () => setTimeout(() => (window.front = open("/front")), 300))
    </script>""",
        head="",
    )
    with run_alone(f"{site.origin}/back", tmp_path):
        site.wait_for(lambda: told(site, "hidden"))
        assert site.received == []
        site.serve("/go", head="")
        view = site.wait_for_event("pageview")

    assert (view["path"], len(site.find())) == ("/back-2", 1)


def test_a_tab_that_is_closed_in_the_middle_leaves_nothing_behind(
    site: Site, tmp_path: Path
) -> None:
    site.serve(
        "/tab",
        """<script>
        addEventListener("load", () => {
            for (let i = 0; i < 20; i++) aq("step", { i, text: "x".repeat(1000) })
            close()
        })
    </script>""",
    )
    site.serve("/begin", "<script>open('/tab')</script>", head="")
    with run_alone(f"{site.origin}/begin", tmp_path):
        site.wait_for(lambda: len(site.find("step")) == 20)

    # They are of one moment, and one of two requests may overtake the other.
    assert sorted(event["properties"]["i"] for event in site.find("step")) == list(range(20))
