"""The page of imports in a real browser: a file is brought, looked at, said yes to, imported."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from analytics.databases import mongo
from analytics.databases.mongo import collection
from exchange.incoming.job import list_imports
from tests.browser import Watch, close
from tests.conftest import TestProject
from tests.dashboard.looking import make_user, sign_in
from tests.exchange.exports import stored
from tests.imports.imports import run
from tests.service import Gunicorn

pytest_plugins = ("tests.browser", "tests.service")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROWS = 2_600
HASTE = """
const wait = window.setTimeout;
window.setTimeout = (act, ms, ...more) => wait(act, ms / 50, ...more);
"""
"""The pauses before a piece is sent again are shorter."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Of a little more than two pieces."""
    path = tmp_path / "orders.csv"
    lines = [f"2024-05-01T10:{n % 60:02}:00Z,/p{n % 7},pro,{'x' * 800}" for n in range(ROWS)]
    path.write_text("\n".join(["time,page,plan,note", *lines, ""]))
    assert 2 << 20 < path.stat().st_size < 3 << 20
    return path


@pytest.fixture
def plain(browser: Browser, watch: Watch) -> Iterator[Page]:
    """A browser that runs no script."""
    context = browser.new_context(java_script_enabled=False)
    watch.follow(context)
    yield context.new_page()
    close(context)
    assert watch.list_unexpected() == []


def open_imports(page: Page, gunicorn: Gunicorn, project: TestProject) -> None:
    sign_in(page.context, make_user())
    page.goto(f"http://localhost:{gunicorn.port}/p/{project.row.pk}/imports")


def go_on(project: TestProject) -> None:
    run(project, list_imports(project.id)[0]["_id"])


def test_a_large_file_is_sent_over_a_bad_connection_looked_at_and_imported(
    page: Page, watch: Watch, gunicorn: Gunicorn, project: TestProject, file: Path
) -> None:
    watch.expect("Failed to load resource")
    page.add_init_script(HASTE)
    open_imports(page, gunicorn, project)
    broken = 6

    def break_off(route: Route) -> None:
        nonlocal broken
        broken -= 1
        route.abort() if broken >= 0 else route.continue_()

    page.route("**/pieces?at=1048576*", break_off)
    page.get_by_label("File").set_input_files(file)
    look = page.get_by_role("button", name="Look at it")
    look.click()
    expect(page.get_by_text("The connection is broken")).to_be_visible()
    assert float(page.get_by_label("Sent").get_attribute("value") or 0) == pytest.approx(
        100 * (1 << 20) / file.stat().st_size
    )
    look.click()  # one more is broken, which is sent again unasked
    listed = page.get_by_role("listitem").filter(has_text="orders.csv")
    expect(listed).to_contain_text("is being sent")

    go_on(project)

    expect(listed).to_contain_text("It seems to be csv")
    assert listed.get_by_label("What time is").input_value() == "timestamp"
    assert listed.get_by_label("What page is").input_value() == "path"
    listed.get_by_label("What note is").select_option("nothing")
    listed.get_by_label("What plan is").select_option("a property")
    listed.get_by_role("button", name="Read it").click()
    expect(listed).to_contain_text("is being read")
    go_on(project)
    expect(listed).to_contain_text("2,600 rows")
    expect(listed).to_contain_text("2,600 would be imported")
    assert stored(project) == []
    listed.get_by_role("button", name="Import 2,600 events").click()
    expect(listed).to_contain_text("is being imported")
    go_on(project)
    expect(listed).to_contain_text("imported: 2,600 events")
    events = stored(project)
    assert len(events) == ROWS
    assert events[0]["properties"] == {"plan": "pro"}
    assert len(list_imports(project.id)) == 1


def test_who_is_signed_out_meanwhile_is_told_so_and_nothing_seems_to_be_sent(
    page: Page, gunicorn: Gunicorn, project: TestProject, file: Path
) -> None:
    open_imports(page, gunicorn, project)
    page.get_by_label("File").set_input_files(file)
    collection(mongo.ADMIN_SESSIONS).delete_many({})
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("You are signed out: sign in again")).to_be_visible()
    assert not float(page.get_by_label("Sent").get_attribute("value") or 0)
    assert list_imports(project.id) == []


def test_without_a_script_a_small_file_is_brought_and_imported(
    plain: Page, gunicorn: Gunicorn, project: TestProject, tmp_path: Path
) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes("time,page,plan\n2024-05-01T10:00:00Z,/a,größer\n".encode("latin-1"))
    open_imports(plain, gunicorn, project)
    plain.get_by_label("File").set_input_files(file)
    plain.get_by_role("button", name="Look at it").click()
    listed = plain.get_by_role("listitem").filter(has_text="latin.csv")
    expect(listed).to_contain_text("is being looked at")
    go_on(project)
    plain.reload()
    expect(listed).to_contain_text("line 2 is not UTF-8")
    listed.get_by_label("It is", exact=True).select_option("csv")
    listed.get_by_label("Its text is").select_option("latin-1")
    listed.get_by_role("button", name="Look again").click()
    expect(listed).to_contain_text("is being looked at")
    go_on(project)
    plain.reload()
    expect(listed).to_contain_text("größer")
    listed.get_by_label("What plan is").select_option("a property")
    listed.get_by_role("button", name="Read it").click()
    expect(listed).to_contain_text("is being read")
    go_on(project)
    plain.reload()
    listed.get_by_role("button", name="Import 1 event").click()
    expect(listed).to_contain_text("is being imported")
    go_on(project)
    plain.reload()
    expect(listed).to_contain_text("imported: 1 event")
    [event] = stored(project)
    assert event["properties"] == {"plan": "größer"}
