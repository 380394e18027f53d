"""Map, two values side by side, the stream of now and the alarm, in a real browser."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Request, expect

from analytics.databases.mongo import collection
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject
from tests.dashboard.looking import Visit, make_user, sign_in
from tests.dashboard.traffic import make_visits, store
from tests.service import Gunicorn

pytest_plugins = ("tests.browser", "tests.service")
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def visit(page: Page, gunicorn: Gunicorn, project: TestProject) -> Visit:
    store(project, make_visits(5, 12, until=datetime.now(UTC) - timedelta(minutes=10)))
    sign_in(page.context, make_user())
    return Visit(page, gunicorn, project)


def test_the_map_is_loaded_when_it_is_opened_and_filters_by_mouse_and_by_keyboard(
    visit: Visit,
) -> None:
    asked: list[str] = []

    def see(request: Request) -> None:
        asked.append(request.url)

    visit.page.on("request", see)
    visit.open("?period=7d")
    visit.see_all()
    assert not [url for url in asked if "world.svg" in url]

    visit.page.locator("#panel-places").get_by_role("link", name="Map").click()
    germany = visit.page.locator("[data-code=DE]")
    expect(germany.locator("path")).to_be_visible()
    germany.focus()
    tip = visit.page.locator(".map .tip")
    [visitors] = visit.ask(
        ["visitors"], period="7d", filter={"field": "country", "op": "is", "values": ["DE"]}
    )["totals"]
    expect(tip).to_contain_text(f"Germany{visitors:,} visitors")
    visit.page.keyboard.press("Enter")
    visit.wait_for("f=is:country:DE")
    expect(visit.page.locator("[data-code=DE].chosen")).to_be_visible()
    assert len([url for url in asked if "world.svg" in url]) == 1

    visit.page.locator("[data-code=DE] path").click()
    visit.page.wait_for_function("() => !location.search.includes('country')")
    visit.settle()
    visit.page.mouse.move(0, 0)
    expect(tip).to_have_count(0)
    visit.page.locator("[data-code=DE] path").hover()
    expect(tip).to_contain_text("Germany")


def test_the_menu_of_a_row_sets_two_values_side_by_side(visit: Visit) -> None:
    visit.open("?period=7d")
    visit.see_all()
    row = visit.page.locator("#panel-places [data-key=DE]")
    row.hover()
    row.locator(".row-more").click()
    visit.page.get_by_role("link", name="Compare with").click()
    visit.page.wait_for_selector(".beside")
    expect(visit.page.locator(".beside thead")).to_contain_text("Germany")
    expect(visit.page.locator(".u-over")).to_be_visible()

    visit.page.locator(".others a").first.click()
    visit.wait_for("two=is:country:")
    visit.page.locator("#pair-bounceRate").click()
    visit.wait_for("metric=bounceRate")
    expect(visit.page.locator("#pair-bounceRate")).to_be_focused()
    visit.page.go_back()
    visit.page.wait_for_function("() => !location.search.includes('metric')")


def test_keys_lead_to_live_and_the_stream_is_stopped_and_searched(
    visit: Visit, project: TestProject
) -> None:
    visit.open("?period=7d")
    visit.page.keyboard.press("r")
    visit.page.wait_for_url("**/live")
    visit.settle()
    Api(project.ingest_key).post("/events", [{"path": "/just-now"}, {"path": "/other"}])
    drain(0, force=True)
    visit.page.evaluate("htmx.trigger('#stream [data-every=\"10\"]', 'tick')")  # as time does
    expect(visit.page.locator(".seen")).to_contain_text("/just-now")

    visit.page.locator("#stream-stop").click()
    visit.wait_for("stop=1")
    expect(visit.page.locator("#stream-stop")).to_have_text("Go on")
    expect(visit.page.locator("#stream-stop")).to_be_focused()
    visit.page.keyboard.press("/")
    visit.page.keyboard.type("JUST")
    visit.page.keyboard.press("Enter")
    visit.wait_for("q=JUST")
    expect(visit.page.locator(".seen li")).to_have_count(1)
    assert "stop=1" in visit.page.url


def test_visitors_of_now_lead_to_live(visit: Visit) -> None:
    visit.open("?period=7d&f=is:country:DE")
    visit.page.locator("[data-metric=current]").click()

    visit.page.wait_for_url("**/live?**")
    assert "f=is:country:DE" in visit.page.url


def test_books_that_do_not_balance_are_the_loudest_thing(
    visit: Visit, project: TestProject
) -> None:
    visit.open("?period=7d")
    expect(visit.page.locator("[data-books=balance]")).to_contain_text("Books balance")
    expect(visit.page.locator(".alarm")).to_have_count(0)
    collection("ledger_summaries").update_one({"project": project.id}, {"$inc": {"stored": -1}})

    visit.open("?period=7d")

    alarm = visit.page.locator(".alarm")
    expect(alarm).to_contain_text("1 event is not where it should be")
    box, first = alarm.bounding_box(), visit.page.locator(".figure-text").first
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    assert box and box["y"] < 160 and alarm.evaluate(size) >= 18
    assert box["y"] < (first.bounding_box() or box)["y"]


def test_the_first_screen_has_figures_curve_and_the_heads_of_two_lists(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 1280, "height": 800})
    visit.open("?period=7d")

    def bottom(selector: str) -> float:
        found: float = visit.page.evaluate(
            "selector => document.querySelector(selector).getBoundingClientRect().bottom", selector
        )
        return found

    assert bottom("#top") < bottom("#panel-pages .panel-head") < 800
    assert bottom("#panel-sources .panel-head") < 800
    height = visit.page.locator(".curve").evaluate("element => element.offsetHeight")
    assert 260 <= height <= 320
    assert visit.page.locator("#main").evaluate("element => element.offsetWidth") <= 1_280


def test_nothing_jumps_while_the_page_fills(visit: Visit) -> None:
    visit.page.add_init_script(
        "window.shifted = 0; new PerformanceObserver(list => { for (const entry of list"
        ".getEntries()) window.shifted += entry.value; }).observe({type: 'layout-shift', buffered:"
        " true});"
    )
    visit.open("?period=7d")
    visit.page.wait_for_selector("[data-books]")

    assert visit.page.evaluate("window.shifted") < 0.01
