"""People let each other in, in a real browser, on a running service."""

import re

import pyotp
import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from people.accounts.models import SecondFactor
from people.members.changes import add_member
from people.members.models import Member, Role
from tests.browser import Watch, close
from tests.conftest import TestProject
from tests.dashboard.looking import make_user, sign_in
from tests.members import PASSWORD
from tests.service import Gunicorn

pytest_plugins = ("tests.browser", "tests.service")
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def olga(project: TestProject) -> User:
    """The owner of a project, and nothing else."""
    user = make_user("olga")
    User.objects.filter(pk=user.pk).update(is_staff=False, is_superuser=False)
    add_member(project.row.pk, user, Role.OWNER)
    user.refresh_from_db()
    return user


def test_an_owner_invites_somebody_who_accepts_and_looks(
    page: Page,
    browser: Browser,
    watch: Watch,
    gunicorn: Gunicorn,
    olga: User,
    project: TestProject,
) -> None:
    sign_in(page.context, olga)
    page.goto(f"http://localhost:{gunicorn.port}/p/{project.row.pk}/settings#members")
    section = page.locator("#members")
    section.get_by_text("Invite", exact=True).first.click()
    section.locator("select#invite-role").select_option("editor")
    section.get_by_role("button", name="Invite").click()
    link = section.locator("#new-link").inner_text()

    context = browser.new_context(viewport={"width": 360, "height": 740})
    watch.follow(context)
    guest = context.new_page()
    guest.goto(link)
    expect(guest).to_have_url(re.compile("/invitation$"))
    expect(guest.get_by_text(project.row.name)).to_be_visible()
    assert guest.evaluate("document.documentElement.scrollWidth <= innerWidth")
    guest.get_by_label("Username").fill("nina")
    guest.get_by_label("Password", exact=True).fill(PASSWORD)
    guest.get_by_label("Password confirmation").fill(PASSWORD)
    guest.get_by_role("button", name="Make the account and accept").click()
    expect(guest).to_have_url(re.compile(f"/p/{project.row.pk}/$"))
    expect(guest.get_by_text("Waiting for the first event")).to_be_visible()
    guest.goto(f"http://localhost:{gunicorn.port}/p/{project.row.pk}/settings")
    expect(guest.get_by_text("You may look at these settings")).to_be_visible()
    close(context)

    page.reload()
    expect(section.get_by_text("nina")).to_be_visible()
    assert Member.objects.get(user__username="nina").role == Role.EDITOR
    assert watch.list_unexpected() == []


def test_the_second_factor_is_set_up_by_its_picture_and_asked_for(
    page: Page, gunicorn: Gunicorn, olga: User
) -> None:
    sign_in(page.context, olga)
    page.goto(f"http://localhost:{gunicorn.port}/account")
    page.get_by_role("link", name="Set it up").click()
    expect(page.locator(".qr svg")).to_be_visible()
    modules = page.locator(".qr path").nth(1)  # squares, or no app can read them
    assert modules.evaluate("each => getComputedStyle(each).strokeWidth") == "1px"
    secret = page.locator("#secret").inner_text()
    page.get_by_role("textbox", name=re.compile("^Code")).fill(pyotp.TOTP(secret).now())
    page.get_by_label("Password now").fill(PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    expect(page.locator(".codes li")).to_have_count(10)
    page.get_by_role("link", name="Go on").click()
    page.get_by_label("Account of olga").click()
    page.get_by_role("button", name="Sign out", exact=True).click()

    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("the code")
    SecondFactor.objects.update(last_step=0)  # as if half a minute had passed
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("textbox", name=re.compile("^Code")).fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(re.compile("/p/"))
