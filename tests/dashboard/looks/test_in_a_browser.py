"""The pages in a real browser, on a running service.

`tests/browser.py` fails a test whose page complains: of an error, of its policy, of another host.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from analytics.projects.models import ApiKey
from ingestion.drain.loop import drain
from tests.browser import Watch, close
from tests.conftest import TestProject
from tests.dashboard.looking import Visit, make_user, sign_in
from tests.dashboard.traffic import make_visits, store
from tests.members import PASSWORD
from tests.pages import BROWSER
from tests.service import Gunicorn

pytest_plugins = ("tests.browser", "tests.service")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIX = ["visitors", "visits", "views", "viewsPerVisit", "bounceRate", "visitDuration"]
PHONE: ViewportSize = {"width": 360, "height": 740}

Visits = Callable[..., Visit]


@pytest.fixture
def filled(project: TestProject) -> TestProject:
    store(project, make_visits(12, 15, until=datetime.now(UTC) - timedelta(minutes=10)))
    return project


@pytest.fixture
def visit(page: Page, gunicorn: Gunicorn, project: TestProject) -> Visit:
    sign_in(page.context, make_user())
    return Visit(page, gunicorn, project)


@pytest.fixture
def phone(
    browser: Browser, watch: Watch, gunicorn: Gunicorn, project: TestProject
) -> Iterator[Visit]:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    watch.follow(context)
    sign_in(context, make_user())
    yield Visit(context.new_page(), gunicorn, project)
    close(context)
    assert watch.list_unexpected() == []


def test_signing_in_leads_to_the_page_and_signing_out_away_from_it(
    page: Page, gunicorn: Gunicorn, filled: TestProject
) -> None:
    make_user()
    page.goto(f"http://localhost:{gunicorn.port}/")
    expect(page).to_have_url(re.compile("/signin"))
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("correct username")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("[data-metric=visitors]")).to_be_visible()

    page.get_by_label("Account of alice").click()
    page.get_by_role("button", name="Sign out").click()

    expect(page).to_have_url(re.compile("/signin"))
    page.go_back()
    expect(page).to_have_url(re.compile("/signin"))


def test_the_first_event_turns_the_snippet_green_and_becomes_the_page(
    visit: Visit, gunicorn: Gunicorn, project: TestProject
) -> None:
    key = ApiKey.issue_public(project.row, "page")
    key.save()
    visit.page.goto(visit.home)
    expect(visit.page.locator("#snippet-page")).to_contain_text(key.text)
    expect(visit.page.locator(".waiting")).to_contain_text("Waiting for the first event")

    headers = {"Content-Type": "text/plain", "User-Agent": BROWSER}
    body = json.dumps({"path": "/first"}).encode()
    sent = gunicorn.request("POST", f"/event?key={key.text}", body, headers)
    assert sent.status == 202, sent
    drain(0, force=True)

    expect(visit.page.locator(".came .waiting")).to_contain_text("The first event is here")
    expect(visit.page.locator("[data-metric=visitors]")).to_have_attribute("data-value", "1")
    expect(visit.page.locator("[data-key='/first']")).to_be_visible()


@pytest.mark.parametrize("query", ["?period=7d", "?period=7d&f=is:country:DE", "?period=today"])
def test_every_number_on_the_page_is_the_apis(
    visit: Visit, filled: TestProject, query: str
) -> None:
    visit.open(query)
    visit.see_all()

    asked = {"period": "today" if "today" in query else "7d"}
    if "country" in query:
        asked["filter"] = {"field": "country", "op": "is", "values": ["DE"]}  # type: ignore[assignment]
    totals = visit.ask(SIX, **asked)["totals"]
    shown = visit.figures()
    assert shown.pop("current") == 0
    # Of a day that has just begun there is no rate: None, which is no number to come near to.
    expected = [total and pytest.approx(total, rel=1e-12) for total in totals]
    assert [shown[name] for name in SIX] == expected
    for panel, field in (("pages", "path"), ("sources", "channel"), ("places", "country"),
                         ("devices", "browser")):  # fmt: skip
        found = visit.ask(["visitors"], dimensions=[field], limit=9, **asked)["results"]
        expected = [[row["dimensions"][0], row["metrics"][0]] for row in found]
        assert visit.rows(panel) == expected


def test_a_click_filters_again_takes_it_off_and_back_goes_back(
    visit: Visit, filled: TestProject
) -> None:
    visit.open("?period=7d")
    visit.see_all()
    before = visit.figures()

    visit.page.locator("#panel-places [data-key=DE] a").click()
    visit.wait_for("f=is:country:DE")

    condition = {"field": "country", "op": "is", "values": ["DE"]}
    [visitors] = visit.ask(["visitors"], period="7d", filter=condition)["totals"]
    assert visit.figures()["visitors"] == visitors != before["visitors"]
    assert [key for key, _ in visit.rows("places")] == ["DE"]
    expect(visit.page.locator(".chip")).to_contain_text("Country is")

    visit.page.locator("#panel-sources [data-key='Organic Search'] a").click()
    visit.wait_for("f=is:channel")
    visit.page.go_back()
    visit.page.wait_for_function("() => !location.search.includes('channel')")
    visit.settle()
    assert visit.figures()["visitors"] == visitors
    visit.page.locator("#panel-places [data-key=DE] a").click()
    visit.page.wait_for_function("() => !location.search.includes('country')")
    visit.settle()
    assert visit.figures() == before


def test_a_middle_click_opens_the_filtered_page(
    visit: Visit, context: BrowserContext, filled: TestProject
) -> None:
    visit.open("?period=7d")
    visit.see_all()

    with context.expect_page() as opened:
        visit.page.locator("#panel-places [data-key=DE] a").click(button="middle")

    expect(opened.value).to_have_url(re.compile("f=is:country:DE"))
    assert "country" not in visit.page.url
    expect(opened.value.locator(".chip")).to_contain_text("Country is")


def test_figures_are_steps_of_the_history_and_tabs_are_not(
    visit: Visit, filled: TestProject
) -> None:
    visit.open("?period=7d")
    length = visit.page.evaluate("history.length")

    visit.page.locator("#panel-pages").get_by_role("link", name="Title").click()
    visit.wait_for("pages=title")
    assert visit.page.evaluate("history.length") == length
    assert "Pricing" in [key for key, _ in visit.rows("pages")]

    visit.page.locator("#figure-views").click()
    visit.wait_for("metric=views")
    assert visit.page.evaluate("history.length") == length + 1
    assert "pages=title" in visit.page.url
    expect(visit.page.locator("#figure-views")).to_have_attribute("aria-current", "true")
    assert visit.page.evaluate("document.activeElement.id") == "figure-views"


def test_the_menu_of_a_row_leaves_a_value_out(visit: Visit, filled: TestProject) -> None:
    visit.open("?period=7d")
    visit.see_all()

    visit.page.locator("#panel-places [data-key=DE]").hover()
    visit.page.locator("#panel-places [data-key=DE] .row-more").click()
    visit.page.get_by_role("link", name="Not this").click()

    visit.wait_for("f=not:country:DE")
    assert "DE" not in [key for key, _ in visit.rows("places")]


def test_the_keyboard_alone_is_enough(visit: Visit, filled: TestProject) -> None:
    visit.open("?period=7d")
    keyboard = visit.page.keyboard

    keyboard.press("y")
    visit.wait_for("period=year")
    keyboard.press("ArrowLeft")
    visit.wait_for("from=")
    keyboard.press("w")
    visit.wait_for("period=7d")
    keyboard.press("x")
    visit.wait_for("compare=off")
    keyboard.press("?")
    expect(visit.page.get_by_role("dialog")).to_be_visible()
    keyboard.press("Escape")
    expect(visit.page.get_by_role("dialog")).to_be_hidden()

    keyboard.press("/")
    keyboard.type("Country")
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.type("DE")
    keyboard.press("Enter")
    visit.wait_for("f=is:country:DE")
    keyboard.press("Escape")
    visit.page.wait_for_function("() => !location.search.includes('country')")
    visit.settle()

    visit.page.locator("#panel-pages .row-label").first.focus()
    keyboard.press("Tab")
    expect(visit.page.locator("#panel-pages .row-more").first).to_be_focused()
    keyboard.press("Enter")
    expect(visit.page.get_by_role("link", name="Only this")).to_be_focused()
    keyboard.press("Enter")
    visit.wait_for("f=is:path:/")


def test_keys_are_silent_while_one_types_and_when_switched_off(
    visit: Visit, filled: TestProject
) -> None:
    visit.open("?period=7d", "list/path")
    visit.page.locator("#list-search").fill("")
    visit.page.locator("#list-search").type("day")
    visit.page.keyboard.press("Enter")
    visit.wait_for("q=day")
    assert "period=7d" in visit.page.url

    visit.open("?period=7d")
    visit.page.keyboard.press("?")
    visit.page.get_by_label("Use keys").uncheck()
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("y")
    visit.page.wait_for_timeout(100)
    assert "period=7d" in visit.page.url


def test_light_and_dark_are_the_systems_or_chosen(visit: Visit, filled: TestProject) -> None:
    def background() -> str:
        found: str = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return found

    visit.page.emulate_media(color_scheme="dark")
    visit.open("?period=7d")
    dark = background()
    visit.page.emulate_media(color_scheme="light")
    light = background()
    assert dark != light

    visit.page.get_by_label("Account of alice").click()
    visit.page.get_by_role("button", name="Dark").click()
    assert background() == dark
    visit.open("?period=28d")
    assert background() == dark


def test_a_phone_is_used_by_touch_without_scrolling_sideways(
    phone: Visit, filled: TestProject
) -> None:
    for path in ("", "list/path"):
        phone.open("?period=7d", path)
        phone.see_all()
        assert phone.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    phone.open("?period=7d")
    phone.see_all()

    phone.page.locator("#panel-places [data-key=DE] a").tap()
    phone.wait_for("f=is:country:DE")
    phone.page.locator("#panel-places .row-more").first.tap()
    phone.page.get_by_role("link", name="No longer only this").tap()
    phone.page.wait_for_function("() => !location.search.includes('country')")
    phone.settle()
    phone.page.locator("#menu-window summary").tap()
    phone.page.get_by_role("link", name="Last month").tap()
    phone.wait_for("period=lastMonth")

    phone.open("?period=7d")
    phone.page.evaluate("scrollTo(0, 0)")
    box = phone.page.locator(".u-over").bounding_box()
    assert box
    phone.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 60)
    expect(phone.page.locator(".tip")).to_contain_text("visitors")
    for link in phone.page.locator(".row, .tabs a, .menu > summary").all():
        if found := link.bounding_box():
            assert found["height"] >= 24


def test_what_cannot_be_reached_says_so_and_is_asked_again(
    visit: Visit, watch: Watch, filled: TestProject
) -> None:
    watch.expect("ERR_FAILED")
    visit.open("?period=7d")
    visit.page.route(re.compile("/top"), lambda route: route.abort())
    visit.page.keyboard.press("f")

    part = visit.page.locator("#top")
    expect(part).to_contain_text("cannot be reached")
    visit.page.unroute(re.compile("/top"))
    part.get_by_role("button", name="Again").click()
    expect(part.locator("[data-metric=visitors]")).to_be_visible()


def test_a_part_that_takes_long_shows_old_numbers_and_can_be_stopped(
    visit: Visit, filled: TestProject
) -> None:
    visit.open("?period=7d")
    before = visit.figures()["visitors"]
    visit.page.route(re.compile("/top"), lambda route: None)  # never answered
    visit.page.keyboard.press("f")

    stop = visit.page.locator("#top").get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    assert visit.figures()["visitors"] == before
    stop.click()

    expect(visit.page.locator("#top .wait")).to_have_count(0)
    visit.page.unroute_all(behavior="ignoreErrors")


def test_hostile_text_does_nothing(visit: Visit, project: TestProject) -> None:
    hostile = '<img src=x onerror=alert(1)>"><script>alert(2)</script>'
    project.row.name = hostile
    project.row.save()
    events: list[dict[str, Any]] = [
        {"path": f"/{hostile}", "title": hostile, "userId": hostile, "language": "xx"},
        {"path": "/" + "x" * 1_900, "event": hostile, "properties": {hostile: hostile}},
    ]
    store(project, iter(events))
    dialogs: list[str] = []
    visit.page.on("dialog", lambda dialog: dialogs.append(dialog.message))

    visit.open("?period=24h&pages=title")
    visit.see_all()
    visit.open("?period=24h", "list/title")
    visit.page.locator(".row-more").first.click(force=True)
    expect(visit.page.get_by_role("link", name="Only this")).to_be_visible()

    assert dialogs == []
    assert visit.page.locator("main img").count() == 0
    assert visit.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_without_a_script_the_numbers_are_there(
    browser: Browser, gunicorn: Gunicorn, filled: TestProject
) -> None:
    context = browser.new_context(java_script_enabled=False)
    sign_in(context, make_user())
    page = context.new_page()
    page.goto(f"http://localhost:{gunicorn.port}/p/{filled.row.pk}/?period=7d")

    expect(page).to_have_url(re.compile("full=1"))
    expect(page.locator("[data-metric=visitors]")).to_have_attribute(
        "data-value", re.compile(r"\d+")
    )
    expect(page.locator("#panel-pages [data-key='/']")).to_be_visible()
    expect(page.get_by_role("table")).to_be_visible()
    page.locator("#panel-places [data-key=DE] a").click()
    expect(page.locator(".chip")).to_contain_text("Country is")
    close(context)


def test_on_a_phone_the_name_of_the_page_is_in_sight(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 360, "height": 740})
    visit.page.goto(f"{visit.home}settings")

    expect(visit.page.locator(".pages [aria-current]")).to_be_in_viewport()
