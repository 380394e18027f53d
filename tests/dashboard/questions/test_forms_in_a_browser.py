"""Pages of questions in a real browser: the form, the window beside it, and without a script."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import Watch, close
from tests.conftest import TestProject
from tests.dashboard.looking import Visit, make_user, sign_in
from tests.dashboard.traffic import make_visits, store
from tests.service import Gunicorn

pytest_plugins = ("tests.browser", "tests.service")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

STEPS = [
    {"field": "path", "op": "is", "values": ["/signup"]},
    {"field": "event", "op": "is", "values": ["signup"]},
]


@pytest.fixture
def filled(project: TestProject) -> TestProject:
    store(project, make_visits(12, 20, until=datetime.now(UTC)))
    return project


def people(page: Page) -> list[int]:
    found: list[int] = page.locator(".funnel [data-value]").evaluate_all(
        "each => each.map(one => Number(one.dataset.value))"
    )
    return found


def ask(visit: Visit, period: str) -> list[int]:
    body = visit.ask_path("/query/funnel", steps=STEPS, period=period)
    return [step["people"] for step in body["steps"]]


def test_a_funnel_is_written_by_its_form_and_follows_the_window(
    page: Page, gunicorn: Gunicorn, filled: TestProject
) -> None:
    sign_in(page.context, make_user())
    visit = Visit(page, gunicorn, filled)
    visit.open("?period=12mo", "funnels")
    page.get_by_label("Step 1: path or event").fill("/sign")
    expect(page.locator("#list-s-1 option")).to_have_attribute("value", "/signup")
    page.get_by_label("Step 1: path or event").fill("/signup")
    page.get_by_label("Step 2: what").select_option("Event is")
    expect(page.get_by_label("Step 2: a property of the event")).to_be_visible()
    page.get_by_label("Step 2: path or event").fill("signup")

    # The window becomes another one while the form is being filled in.
    page.locator("#window-summary").click()
    page.get_by_role("link", name="Last 7 days").click()
    visit.wait_for("period=7d")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/funnels?period=7d&s=page:/signup&s=event:signup")
    visit.settle()

    assert people(page) == ask(visit, "7d")
    page.keyboard.press("y")
    visit.wait_for("period=year")
    assert page.url.endswith("/funnels?s=page:/signup&s=event:signup&period=year")
    assert people(page) == ask(visit, "year")


def test_without_a_script_a_form_leads_to_the_answer(
    browser: Browser, watch: Watch, gunicorn: Gunicorn, filled: TestProject
) -> None:
    context = browser.new_context(java_script_enabled=False)
    watch.follow(context)
    sign_in(context, make_user())
    page = context.new_page()
    page.goto(f"{Visit(page, gunicorn, filled).home}funnels?period=7d&full=1")
    for number, kind, what in (("1", "Page is", "/signup"), ("2", "Event is", "signup")):
        page.get_by_label(f"Step {number}: what").select_option(kind)
        page.get_by_label(f"Step {number}: path or event").fill(what)
    page.get_by_role("button", name="Show").click()

    expect(page.locator(".funnel")).to_be_visible()
    assert page.url.endswith("/funnels?period=7d&s=page:/signup&s=event:signup&full=1")
    values = [each.get_attribute("data-value") for each in page.locator(".funnel > li").all()]
    assert [int(value or "") for value in values] == ask(Visit(page, gunicorn, filled), "7d")
    close(context)
    assert watch.list_unexpected() == []
