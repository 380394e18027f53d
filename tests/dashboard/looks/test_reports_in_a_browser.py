"""Reports and alerts are kept in a real browser, on a running service; and a mail is looked at."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from notices.documents import Outcome
from notices.outbox.sending_round import send_waiting
from notices.rendering.mail import Links, render_mail
from notices.rounds import look_at_rules
from tests.browser import Watch
from tests.conftest import TestProject
from tests.dashboard.looking import Visit, make_user, sign_in
from tests.notices.rules import HOOK, MAIL, add_alert, add_report
from tests.notices.saying import make_fired, make_report
from tests.service import Gunicorn

pytest_plugins = ("tests.browser", "tests.service")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

SHOTS = os.environ.get("SHOTS")
OPEN_ALL = "document.querySelectorAll('#main details').forEach(each => each.open = true)"
FITS = "document.documentElement.scrollWidth <= innerWidth"


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def make_rules(project: TestProject) -> None:
    """A report that was sent to one and not to another, an alert that holds, and one in peace."""
    made = datetime.now(UTC) - timedelta(days=40)
    add_report(project, "week", 8, made, MAIL, HOOK)
    add_alert(project, made, HOOK, metric="events", how="silent", silentMinutes=60)
    add_alert(project, made, HOOK, value=10_000.0, filters=["is:country:DE,AT"])
    look_at_rules(20.0)
    outcomes: Iterator[Outcome] = iter(
        [
            {"result": "failed", "detail": "It answered 410."},
            {"result": "sent", "detail": ""},
            {"result": "sent", "detail": ""},
        ]
    )
    send_waiting(lambda _: next(outcomes), 60.0)


@pytest.fixture
def visit(page: Page, gunicorn: Gunicorn, project: TestProject) -> Visit:
    sign_in(page.context, make_user())
    return Visit(page, gunicorn, project)


def test_an_alert_is_tried_and_saved_by_its_form(visit: Visit, watch: Watch) -> None:
    page = visit.page
    page.set_viewport_size({"width": 360, "height": 740})
    visit.open(path="reports")
    form = page.locator("form.rule-form", has=page.locator('input[value="alert"]'))
    page.get_by_text("Make one").nth(1).click()
    form.get_by_label("Name", exact=True).fill("Quiet")
    # What the chosen way to fire does not have is not in the way.
    expect(form.get_by_label("How much")).to_be_visible()
    expect(form.get_by_label("For so many minutes")).to_be_hidden()
    form.get_by_label("Fires when it").select_option("silent")
    expect(form.get_by_label("How much")).to_be_hidden()
    form.get_by_label("For so many minutes").fill("90")
    form.get_by_label("Webhooks").fill("https://hooks.example/in")
    assert page.evaluate(FITS)
    shoot(page, "alert-form-360")
    form.get_by_role("button", name="Try it on the past").click()
    expect(page.get_by_text("it would have fired")).to_be_visible()
    form.get_by_role("button", name="Save it").click()
    expect(page.get_by_text("It is saved.")).to_be_visible()
    expect(page.get_by_text("This secret signs what hooks.example gets.")).to_be_visible()
    expect(page.get_by_text("It watches for 90 minutes without any event.")).to_be_visible()
    assert page.evaluate(FITS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_axe_finds_nothing(
    visit: Visit, watch: Watch, project: TestProject, scheme: Literal["light", "dark"]
) -> None:
    make_rules(project)
    page = visit.page
    page.emulate_media(color_scheme=scheme)
    for width, height in ((1280, 800), (360, 740)):
        page.set_viewport_size({"width": width, "height": height})
        visit.open(path="reports")
        expect(page.get_by_text("It answered 410.")).to_be_visible()
        shoot(page, f"reports-{scheme}-{width}")
        page.evaluate(
            "document.querySelectorAll('#main details').forEach(each => each.open = true)"
        )
        assert page.evaluate(FITS)
        result = Axe().run(page)
        assert not result.violations_count, result.generate_report()
        shoot(page, f"reports-open-{scheme}-{width}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_mail_can_be_read_light_and_dark_wide_and_narrow(
    page: Page, watch: Watch, scheme: Literal["light", "dark"]
) -> None:
    """It asks for nothing: the watch would tell."""
    page.emulate_media(color_scheme=scheme)
    links = Links("https://stats.example/p/1/", "https://stats.example/notices/unsubscribe/a")
    for name, facts in (
        ("report", make_report()),
        ("alert", make_fired()),
        ("long", make_report("a" * 150)),
    ):
        page.set_content(render_mail(facts, links).html)
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(FITS)
            shoot(page, f"mail-{name}-{scheme}-{width}")
        result = Axe().run(page)
        assert not result.violations_count, result.generate_report()
