"""What is saved, in a real browser: marks under the curve, goals, segments by click."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from people.saved.models import Goal
from people.saved.notes import make_note, place, write_note
from tests.conftest import TestProject
from tests.dashboard.looking import Visit, make_user, sign_in
from tests.dashboard.traffic import make_visits, store
from tests.service import Gunicorn

pytest_plugins = ("tests.browser", "tests.service")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Where each mark is, and where the curve has the unit that it is of.
READ_PLACES = """() => {
  const over = document.querySelector(".u-over").getBoundingClientRect();
  const count = JSON.parse(document.querySelector("[data-curve]").dataset.curve).values.length;
  return [...document.querySelectorAll(".marks.placed .mark")].map(mark => {
    const box = mark.getBoundingClientRect();
    return [box.left + box.width / 2, over.left + over.width * mark.dataset.index / (count - 1),
      box.top > over.bottom && box.bottom < over.bottom + 42];
  });
}"""

NEXT_FRAME = """() => new Promise(done =>
  requestAnimationFrame(() => requestAnimationFrame(done)))"""


@pytest.fixture
def visit(page: Page, gunicorn: Gunicorn, project: TestProject) -> Visit:
    store(project, make_visits(12, 10, until=datetime.now(UTC) - timedelta(minutes=10)))
    sign_in(page.context, make_user())
    return Visit(page, gunicorn, project)


def write(project: TestProject, days_ago: int, text: str) -> None:
    note = make_note(project.row, text, "alice")
    place(note, (datetime.now(UTC) - timedelta(days=days_ago)).date(), UTC)
    write_note(note)


def check_places(page: Page) -> None:
    found: Any = page.evaluate(READ_PLACES)
    assert len(found) == 2
    for mark, unit, is_under in found:
        assert mark == pytest.approx(unit, abs=1.5)
        assert is_under


def test_marks_stand_under_their_days_and_tell_on_hover_and_on_focus(visit: Visit) -> None:
    write(visit.project, 2, "Version 41 <i>")
    write(visit.project, 9, "Sale")
    visit.open("?period=28d")
    page = visit.page
    page.wait_for_selector(".marks.placed .mark")

    check_places(page)
    text = page.locator(".mark-text", has_text="Version 41 <i>")
    expect(text).to_be_hidden()
    page.locator(".mark > a").last.hover()
    expect(text).to_be_visible()
    page.mouse.move(0, 0)
    expect(text).to_be_hidden()
    page.locator(".mark > a").last.focus()
    expect(text).to_be_visible()
    box: Any = text.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]  # type: ignore[index]

    page.set_viewport_size({"width": 500, "height": 800})
    page.wait_for_function(
        "() => Math.abs(document.querySelector('.u-over').getBoundingClientRect().right - 500) < 60"
    )
    page.evaluate(NEXT_FRAME)
    check_places(page)

    page.get_by_text("Table", exact=True).click()
    cell = page.locator("tbody th", has_text="Sale")
    expect(cell).to_have_count(1)
    expect(page.locator("tbody th .mark-note")).to_have_count(2)


def test_a_goal_is_chosen_by_click_and_a_segment_in_the_menu(visit: Visit) -> None:
    Goal.objects.create(project=visit.project.row, name="Sign-ups", value="signup")
    visit.open("?period=28d")
    visit.see_all()
    page = visit.page
    row = page.locator("#panel-goals tr[data-field=goal]")
    both = {"field": "event", "op": "is", "values": ["signup"]}
    [told] = visit.ask(["conversions"], goal=both, period="28d")["totals"]
    assert told > 0
    expect(row).to_have_attribute("data-value", str(told))

    row.get_by_role("link", name="Sign-ups").click()
    visit.wait_for("f=goal:sign-ups-")
    assert visit.figures()["conversions"] == told
    page.locator("#panel-goals").scroll_into_view_if_needed()
    expect(page.locator("#panel-goals [aria-current]")).to_have_text("Sign-ups")
    row.get_by_role("link", name="Sign-ups").click()
    page.wait_for_function("() => !location.search.includes('goal')")

    page.goto(f"{visit.home}saved?f=is:path:/pricing")
    page.locator("#segment-name").fill("Price readers")
    page.get_by_label("For all members").check()
    page.get_by_role("button", name="Save it").click()
    visit.settle()
    expect(page.locator(".chip")).to_contain_text("Price readers")
    page.locator("#filter-summary").click()
    page.locator("#menu-filter").get_by_role("link", name="Price readers").click()
    page.wait_for_function("() => !location.search.includes('segment')")
    expect(page.locator(".chip")).to_have_count(0)
    visit.settle()
    page.locator("#filter-summary").click()
    page.locator("#menu-filter").get_by_role("link", name="Price readers").click()
    visit.wait_for("f=segment:price-readers-")
    asked = {"field": "path", "op": "is", "values": ["/pricing"]}
    assert (
        visit.figures()["visitors"]
        == visit.ask(["visitors"], filter=asked, period="28d")["totals"][0]
    )


def test_a_click_on_its_star_pins_a_project_and_does_not_open_it(
    visit: Visit, other_project: TestProject
) -> None:
    page = visit.page
    page.goto(visit.home.replace(f"p/{visit.project.row.pk}/", ""))
    page.get_by_role("button", name="Pin Test").click()
    page.get_by_role("button", name="Unpin Test").wait_for()
