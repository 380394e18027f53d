"""axe-core finds nothing on any page, light or dark: with data, without, failed, and with menus."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from people.saved.models import Goal, Segment
from people.saved.notes import make_note, place, write_note
from tests.browser import Watch
from tests.conftest import TestProject
from tests.dashboard.looking import Visit, make_user, sign_in
from tests.dashboard.traffic import make_visits, store
from tests.service import Gunicorn

pytest_plugins = ("tests.browser", "tests.service")
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def visit(page: Page, gunicorn: Gunicorn, project: TestProject) -> Visit:
    page.set_viewport_size({"width": 1280, "height": 2_400})
    store(project, make_visits(5, 12, until=datetime.now(UTC)))
    Goal.objects.create(project=project.row, name="Sign-ups", value="signup", amount_key="amount")
    Segment.objects.create(project=project.row, name="Readers", filters=["is:path:/docs"])
    note = make_note(project.row, "Version 41", "alice")
    place(note, datetime.now(UTC).date(), UTC)
    write_note(note)
    sign_in(page.context, make_user())
    return Visit(page, gunicorn, project)


QUESTIONS = ("funnels", "retention", "journeys", "events", "live", "beside")


def open_dialog(visit: Visit) -> None:
    visit.open("?period=7d")
    visit.page.keyboard.press("?")
    expect(visit.page.get_by_role("dialog")).to_be_visible()


def open_menus(visit: Visit) -> None:
    visit.open("?period=7d&f=is:country:DE&f=wrong")
    visit.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    visit.page.locator("#panel-pages .row-more").first.click(force=True)
    expect(visit.page.get_by_role("link", name="Only this")).to_be_visible()


def fail(visit: Visit) -> None:
    visit.open("?period=7d&f=matches:path:(")
    expect(visit.page.locator("#top .problem")).to_be_visible()


def look_at_projects(visit: Visit) -> None:
    visit.page.goto(visit.home.replace(f"p/{visit.project.row.pk}/", "?q=t"))
    visit.page.wait_for_selector("[data-views]")


def make_a_project(visit: Visit) -> None:
    visit.page.goto(visit.home.replace(f"p/{visit.project.row.pk}/", "new"))


def open_settings(visit: Visit) -> None:
    """With every form open, and one that refuses."""
    visit.open(path="settings")
    visit.page.get_by_label("Hostnames", exact=True).fill("no host")
    visit.page.locator("#website").get_by_role("button", name="Save").click()
    expect(visit.page.get_by_role("alert")).to_be_visible()
    visit.page.evaluate(
        "document.querySelectorAll('#main details').forEach(each => each.open = true)"
    )


def open_map(visit: Visit) -> None:
    visit.open("?period=7d&places=map")
    visit.page.wait_for_selector(".world .ground path")
    visit.page.locator("#panel-places .table-of summary").click()


def ask_for_a_funnel(visit: Visit) -> None:
    visit.open("?period=7d&s=page:/signup&s=event:signup:plan&split=country&s=no", "funnels")
    visit.page.locator(".more-rows summary").click()


def go_to(path: str) -> Callable[[Visit], None]:
    """A page that is of no project."""

    def go(visit: Visit) -> None:
        visit.page.goto(f"{visit.home.split('/p/')[0]}{path}")

    return go


PLACES: dict[str, Callable[[Visit], None]] = {
    "the page": lambda visit: visit.open("?period=7d"),
    "a dialog": open_dialog,
    "menus": open_menus,
    "nothing": lambda visit: visit.open("?from=2024-01-01&to=2024-01-02"),
    "a failure": fail,
    "a list": lambda visit: visit.open("?period=7d", "list/path"),
    "a funnel": ask_for_a_funnel,
    "no funnel": lambda visit: visit.open("?period=7d", "funnels"),
    "retention": lambda visit: visit.open("?period=28d&every=day&by=visitor", "retention"),
    "journeys": lambda visit: visit.open("?period=7d", "journeys"),
    "events": lambda visit: visit.open("?period=7d&event=signup", "events"),
    "live": lambda visit: visit.open("?f=is:country:DE", "live"),
    "a map": open_map,
    "two values": lambda visit: visit.open("?period=7d&one=is:country:DE", "beside"),
    "projects": look_at_projects,
    "a new project": make_a_project,
    "settings": open_settings,
    "what is saved": lambda visit: visit.open("?f=is:path:/&s=page:/&s=page:/docs", "saved"),
    "notes": lambda visit: visit.open(path="notes"),
    "reports": lambda visit: visit.open(path="reports"),
    "an account": go_to("/account"),
    "a second factor": go_to("/account/second-factor"),
    "the audit log": go_to("/audit"),
    "a forgotten password": go_to("/signin/forgotten"),
}


SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.mark.timeout(600)  # half a minute on a machine that does nothing else
@pytest.mark.parametrize("everywhere", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_axe_finds_nothing(visit: Visit, watch: Watch, everywhere: bool) -> None:
    """In every place: in one of the two schemes, in turns, and at night in both."""
    watch.expect("status of 400")
    found = {}
    for number, (name, go) in enumerate(PLACES.items()):
        for scheme in SCHEMES if everywhere else (SCHEMES[number % 2],):
            visit.page.emulate_media(color_scheme=scheme)
            go(visit)
            result = Axe().run(visit.page)
            if result.violations_count:
                found[name, scheme] = result.generate_report()
    assert found == {}


def test_text_twice_as_large_needs_no_sideways_scroll(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 640, "height": 800})  # 1,280 at 200 %, 400 % at 320
    for width in (640, 320):
        visit.page.set_viewport_size({"width": width, "height": 800})
        for path in ("", "list/path", "settings"):
            visit.open("?period=7d&f=is:country:DE", path)

        for path in ("", "list/path", "saved", "notes", "reports", *QUESTIONS):
            visit.open("?period=7d&f=is:country:DE&s=page:/&s=page:/docs&by=visitor", path)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
