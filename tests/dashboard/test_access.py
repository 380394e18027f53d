"""Who sees which page, and what every page says of itself."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse

from analytics.databases.mongo import ADMIN_SESSIONS, collection
from analytics.projects.models import ApiKey, Project
from dashboard.middleware import POLICY
from dashboard.names import APP_NAME
from tests.conftest import Api, TestProject
from tests.members import PASSWORD

ID = "8000000000000000"
# Every page and part that one must be signed in for.
PATHS = (
    "/", "/new", f"/p/{ID}", f"/p/{ID}/", f"/p/{ID}/glance", f"/p/{ID}/bar", f"/p/{ID}/top",
    f"/p/{ID}/panel/pages", f"/p/{ID}/current", f"/p/{ID}/waiting",
    f"/p/{ID}/suggest", f"/p/{ID}/row", f"/p/{ID}/list/path", 
    f"/p/{ID}/list/path/rows", f"/p/{ID}/list/path/csv",
    f"/p/{ID}/funnels", f"/p/{ID}/funnels/result",
    f"/p/{ID}/retention", f"/p/{ID}/retention/result",
    f"/p/{ID}/journeys", f"/p/{ID}/journeys/result",
    f"/p/{ID}/events", f"/p/{ID}/events/result",
    f"/p/{ID}/live", f"/p/{ID}/live/now", f"/p/{ID}/live/stream",
    f"/p/{ID}/beside", f"/p/{ID}/beside/result",
    f"/p/{ID}/trust", f"/p/{ID}/books", f"/p/{ID}/settings", f"/p/{ID}/audit",
    f"/p/{ID}/reports", f"/p/{ID}/exports", f"/p/{ID}/imports", f"/p/{ID}/saved",
    f"/p/{ID}/goals", f"/p/{ID}/notes",
    "/account", "/account/second-factor", "/audit",
)  # fmt: skip
DOORS = {
    "signin", "signout", "signin/forgotten",
    "password", "password/<str:token>", "invitation", "invitation/<str:token>", "share/<str:token>",
    "notices/confirm/<str:token>", "notices/unsubscribe/<str:token>",
}  # fmt: skip
FORMS = {  # no pages: tests/dashboard/saved/test_pins.py, tests/imports/test_imports_page.py
    "p/<str:project_id>/pin", "p/<str:project_id>/imports/pieces",
}  # fmt: skip
WITH_FORMS = (
    "/new", f"/p/{ID}/trust", f"/p/{ID}/settings", "/account", "/account/second-factor",
    f"/p/{ID}/exports", f"/p/{ID}/imports", f"/p/{ID}/saved", f"/p/{ID}/notes",
    f"/p/{ID}/reports",
)  # fmt: skip


def read_text(answer: Any) -> str:
    """Without the tokens of its forms: random letters, among which any short name may be."""
    return re.sub(r"\w{64}", "", answer.content.decode())


def list_routes() -> set[str]:
    [pages] = [
        found
        for found in get_resolver().url_patterns
        if isinstance(found, URLResolver) and found.namespace == APP_NAME
    ]
    return {str(pattern.pattern) for pattern in pages.url_patterns}


def fill_in(route: str) -> str:
    for variable, value in (("str:project_id", ID), ("str:name", "pages"), ("path:field", "path")):
        route = route.replace(f"<{variable}>", value)
    return f"/{route}"


def test_every_page_is_among_those_that_are_tried_here() -> None:
    assert {fill_in(route) for route in list_routes() - DOORS - FORMS} == set(PATHS)


@pytest.mark.parametrize("path", PATHS)
def test_whoever_is_not_signed_in_is_led_to_the_door_and_back(path: str, store: None) -> None:
    answer = Client().get(f"{path}?a=1")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/signin?next=%2F")
    assert "a%3D1" in answer["Location"]
    assert answer.content == b""


@pytest.mark.parametrize("path", PATHS)
def test_a_part_without_a_session_sends_the_whole_page_to_the_door(path: str, store: None) -> None:
    answer = Client().get(path, headers={"HX-Request": "true"})

    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["HX-Refresh"] == "true"


@pytest.mark.parametrize("path", [path for path in PATHS if ID in path])
@pytest.mark.parametrize("is_staff", [True, False])
def test_what_is_not_there_or_not_theirs_is_one_answer(
    path: str, is_staff: bool, store: None, project: TestProject
) -> None:
    user = User.objects.create_user("bob", password=PASSWORD, is_staff=is_staff)
    client = Client()
    client.force_login(user)
    path = path if is_staff else path.replace(ID, project.row.pk)

    answer = client.get(path)

    assert answer.status_code == 404
    assert project.row.name not in read_text(answer)


def test_a_deleted_project_is_no_longer_shown(signed_in: Client, project: TestProject) -> None:
    project.row.stop()

    assert signed_in.get(f"/p/{project.row.pk}/").status_code == 404
    assert project.row.name not in read_text(signed_in.get("/"))


def test_staff_and_superusers_see_all_projects_and_others_none(
    signed_in: Client, project: TestProject, other_project: TestProject
) -> None:
    page = signed_in.get("/").content.decode()
    assert f"/p/{project.row.pk}/" in page
    assert f"/p/{other_project.row.pk}/" in page

    stranger = Client()
    stranger.force_login(User.objects.create_user("bob", password=PASSWORD))
    page = stranger.get("/").content.decode()
    assert "Nobody has let you into a project yet" in page
    assert "/p/" not in page


def test_one_project_only_is_gone_straight_to(signed_in: Client, project: TestProject) -> None:
    assert signed_in.get("/")["Location"] == f"/p/{project.row.pk}/"
    assert signed_in.get("/", {"q": ""}).status_code == 302
    assert signed_in.get("/", {"q": "test"}).status_code == 200


@pytest.mark.parametrize(
    ("sought", "is_found"),
    [("(beta", True), ("\x00", True), (".*", False), ("[", False), ("(BETA)\x00", True)],
)
def test_projects_are_sought_by_what_is_in_their_names_whatever_that_is(
    signed_in: Client, project: TestProject, sought: str, is_found: bool
) -> None:
    project.row.name = "shop (beta)"
    project.row.save()

    answer = signed_in.get("/", {"q": sought}, follow=True)

    assert answer.status_code == 200
    assert ("shop (beta)" in answer.content.decode()) is is_found


@pytest.mark.parametrize("path", [*PATHS, "/signin"])
def test_every_page_says_what_it_may_load(
    path: str, signed_in: Client, project: TestProject
) -> None:
    answer = signed_in.get(path.replace(ID, project.row.pk))

    assert answer["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["X-Robots-Tag"] == "noindex"
    page = answer.content.decode() if "csv" not in path else ""
    assert not re.search(r"<style|\sstyle=|<script(?! src)|\son\w+=|javascript:", page)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page)


def test_the_admin_keeps_its_own_policy(signed_in: Client) -> None:
    assert signed_in.get("/admin/")["Content-Security-Policy"] != POLICY


@pytest.mark.parametrize("path", PATHS)
def test_a_key_opens_no_page(path: str, project: TestProject) -> None:
    answer = Api(project.admin_key).get(path.replace(ID, project.row.pk))

    assert answer.status_code == 302


def sign_in(client: Client, **fields: str) -> Any:
    return client.post("/signin", {"username": "alice", "password": PASSWORD, **fields})


def test_signing_in_leads_back_to_where_one_came_from(alice: User) -> None:
    assert sign_in(Client())["Location"] == "/"
    assert sign_in(Client(), next="/p/x/?f=is:path:/a")["Location"] == "/p/x/?f=is:path:/a"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example",
        "https:evil.example", "///evil.example", "javascript:alert(1)", "http:///evil.example",
        "/\t/evil.example", "https://testserver@evil.example/",
    ],
)  # fmt: skip
def test_signing_in_leads_to_no_other_host(alice: User, address: str) -> None:
    assert sign_in(Client(), next=address)["Location"] == "/"
    client = Client()
    client.force_login(alice)
    assert client.get("/signin", {"next": address})["Location"] == "/"


def test_a_wrong_password_is_told_and_five_lock_the_name(
    alice: User, unending_windows: None
) -> None:
    client = Client()
    answers = [sign_in(client, password="wrong") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert "Please enter a correct username and password" in answers[0].content.decode()
    assert int(answers[5]["Retry-After"]) > 0
    assert sign_in(client).status_code == 429  # the right one is not even looked at
    admin = client.post(reverse("admin:login"), {"username": "alice", "password": PASSWORD})
    assert admin.status_code == 429  # it is one lock


def test_signing_out_ends_the_session_with_every_copy_of_its_cookie(signed_in: Client) -> None:
    copy = Client()
    copy.cookies["sessionid"] = signed_in.cookies["sessionid"].value

    assert signed_in.get("/signout").status_code == 405
    assert signed_in.post("/signout")["Location"] == "/signin"

    assert copy.get("/")["Location"].startswith("/signin")
    assert collection(ADMIN_SESSIONS).count_documents({}) == 0


@pytest.mark.parametrize("path", ["/signin", "/signout", "/new"])
def test_nothing_is_changed_without_the_token_of_a_form(path: str, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    answer = client.post(path, {"name": "x"})
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()
    assert not Project.objects.exists()


@pytest.mark.parametrize("path", PATHS)
def test_pages_are_looked_at_and_not_written_to(
    path: str, signed_in: Client, project: TestProject
) -> None:
    for method in ("PUT", "PATCH", "DELETE", *(() if path in WITH_FORMS else ("POST",))):
        answer = signed_in.generic(method, path.replace(ID, project.row.pk))
        assert answer.status_code == 405, method


def test_a_new_project_has_a_key_and_lets_its_website_send(signed_in: Client) -> None:
    answer = signed_in.post(
        "/new",
        {"name": "Shop", "hostnames": "https://www.Shop.example/x", "time_zone": "Europe/Berlin"},
    )

    [project] = Project.objects.all()
    assert answer["Location"] == f"/p/{project.pk}/"
    assert (project.name, project.time_zone) == ("Shop", "Europe/Berlin")
    assert project.hostnames == ["www.shop.example"]
    assert project.allowed_origins == ["https://shop.example", "https://www.shop.example"]
    page = signed_in.get(answer["Location"]).content.decode()
    key = ApiKey.objects.get(project=project)
    assert key.is_public
    assert page.count(key.text) == 3
    assert "Waiting for the first event" in page


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "test"}, "There is a project of this name"),
        ({"name": "x" * 101}, "at most 100"),
        ({"name": "New", "time_zone": "Mars/Base"}, "is not a time zone"),
        ({"name": "New", "hostnames": "no host"}, "is not a hostname"),
    ],
)
def test_what_is_wrong_with_a_new_project_is_told_beside_its_field(
    signed_in: Client, project: TestProject, fields: dict[str, str], told: str
) -> None:
    answer = signed_in.post("/new", fields)

    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert Project.objects.count() == 1


def test_who_may_not_add_projects_is_not_offered_to(store: None, project: TestProject) -> None:
    client = Client()
    client.force_login(User.objects.create_user("bob", password=PASSWORD, is_staff=True))

    assert "/new" not in client.get("/", {"q": "t"}).content.decode()
    answer = client.post("/new", {"name": "Sneaked in"})
    assert answer.status_code == 403
    assert Project.objects.count() == 1
