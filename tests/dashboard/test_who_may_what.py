"""Who may what: every page, part, form and download, tried by everybody there is."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.projects.aliases import Alias
from analytics.projects.models import ApiKey
from dashboard.web.settings import ACTS
from people.members.changes import add_member
from people.members.invitations import invite
from people.members.models import Invitation, Role
from people.saved.models import Goal, Segment
from people.shares.links import add_link
from people.shares.models import ShareLink
from tests.conftest import TestProject
from tests.dashboard.test_access import (
    DOORS,
    ID,
    PATHS,
    WITH_FORMS,
    fill_in,
    list_routes,
    read_text,
)
from tests.dashboard.test_access import FORMS as FORMS_ALONE

pytestmark = pytest.mark.slow

# From who may least to who may most; each may all that those before them may in their projects.
LOOKERS = ("viewer", "editor", "owner", "staff", "superuser")
EVERYBODY = ("signed out", "stranger", "owner of another", *LOOKERS)
# What more than looking it takes to see a page.
PAGES_OF = {
    f"/p/{ID}/audit": {"owner", "superuser"},
    "/audit": {"staff", "superuser"},
    "/new": {"superuser"},
}
OF_ACCOUNTS = {"/", "/account", "/account/second-factor"}
OWNERS = {"owner", "superuser"}
EDITORS = {"editor", *OWNERS}
SHARED = ("goal", "goal-change", "goal-remove", "share", "share-change", "share-revoke")
# Who may send a section of the settings. A leaver must be a member.
FORMS = (
    dict.fromkeys(ACTS, OWNERS)
    | dict.fromkeys(SHARED, EDITORS)
    | {"leave": {"viewer", "editor", "owner"}}
)


def make_file() -> SimpleUploadedFile:
    return SimpleUploadedFile("events.csv", b"time,page\n2025-03-01T10:00:00Z,/a\n")


# Forms of other pages of a project: what is sent, and who may.
OTHER_FORMS: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "a note": ("notes", {"act": "add", "day": "2025-03-01", "text": "A note"}, EDITORS),
    "an own segment": (
        "saved?f=is:path:/a", {"kind": "segment", "act": "save", "name": "Mine"}, set(LOOKERS),
    ),
    "a shared segment": (  # of who may not share it is an own one
        "saved?f=is:path:/a",
        {"kind": "segment", "act": "save", "name": "Ours", "shared": "on"},
        set(LOOKERS),
    ),
    "a report": (
        "reports",
        {
            "act": "add", "kind": "report", "name": "R", "every": "day", "hour": "1",
            "hooks": "https://hooks.example/",
        },
        EDITORS,
    ),
    "an export": (
        "exports", {"format": "csv", "start": "2025-03-01", "end": "2025-03-02"}, EDITORS,
    ),
    "an export with addresses": (
        "exports",
        {"format": "csv", "start": "2025-03-01", "end": "2025-03-02", "withAddresses": "on"},
        OWNERS,
    ),
    "an import": ("imports", {"act": "bring", "file": make_file}, EDITORS),
    "a pin": ("pin", {}, set(LOOKERS)),
}  # fmt: skip
STORED = (
    "projects", "api_keys", "aliases", "members", "invitations", "project_deletions",
    mongo.SHARE_LINKS, mongo.EXPORTS, mongo.IMPORTS, mongo.NOTICE_RULES, *mongo.SAVED,
)  # fmt: skip


def make_user(who: str, project: TestProject, other: TestProject) -> User | None:
    if who == "signed out":
        return None
    user: User = User.objects.create_user(
        who, is_staff=who in ("staff", "superuser"), is_superuser=who == "superuser"
    )
    if who in Role.values:
        add_member(project.row.pk, user, Role(who))
    if who == "owner of another":
        add_member(other.row.pk, user, Role.OWNER)
    return user


@pytest.fixture(params=EVERYBODY)
def who(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def browser(who: str, project: TestProject, other_project: TestProject) -> Client:
    client = Client()
    if user := make_user(who, project, other_project):
        client.force_login(user)
    return client


def expect(who: str, path: str) -> int:
    if who == "signed out":
        return 302
    if path in OF_ACCOUNTS:
        return 200
    if path == "/new":
        return 200 if who in PAGES_OF[path] else 403
    if path == "/audit":
        return 200 if who in PAGES_OF[path] else 404
    if who not in LOOKERS:
        return 404
    return 200 if who in PAGES_OF.get(path, LOOKERS) else 403


def test_every_route_is_a_page_here_or_a_door() -> None:
    assert {fill_in(route) for route in list_routes() - DOORS - FORMS_ALONE} == set(PATHS)
    tried = {address.split("?")[0] for address, _, _ in OTHER_FORMS.values()}
    pages = {path.rsplit("/", 1)[-1] for path in (*WITH_FORMS, *FORMS_ALONE) if "p/" in path}
    elsewhere = {"settings", "trust", "pieces"}  # the last: tests/imports/test_imports_page.py
    assert tried | elsewhere == pages


def test_pages_parts_and_downloads_are_shown_to_who_may_look(
    who: str, browser: Client, project: TestProject
) -> None:
    seen = {}
    for path in PATHS:
        answer = browser.get(path.replace(ID, project.row.pk), {"q": "x", "field": "path"})
        seen[path] = answer.status_code
        if answer.status_code == 404:
            assert project.row.name not in read_text(answer)

    assert seen == {path: expect(who, path) for path in PATHS}


def read_stored() -> dict[str, list[Any]]:
    return {name: list(collection(name).find().sort("_id")) for name in STORED}


@pytest.fixture
def fields(project: TestProject) -> dict[str, Any]:
    """What each section of the settings is sent, of this project's own things."""
    return make_fields(project)


def make_fields(project: TestProject) -> dict[str, Any]:
    bob = User.objects.create_user(f"bob {project.row.name}")
    add_member(project.row.pk, bob, Role.EDITOR)
    invite(project.row, Role.VIEWER, "", bob)
    alias = Alias.parse(project.row, f"umami:{project.row.pk[:8]}-1111-4111-8111-111111111111")
    alias.save()
    key = ApiKey.objects.filter(project=project.row, name="read").get()
    held = Invitation.objects.get(project=project.row)
    link = ShareLink(project=project.row, name="a board", panels=["pages"], period="7d")
    add_link(link)
    goal = Goal(project=project.row, name="Bought", what="page", value="/thanks")
    goal.save()
    return {
        "general": {"name": f"New {project.row.pk[:4]}", "time_zone": "Europe/Berlin"},
        "website": {"hostnames": "shop.example"},
        "counting": {"excluded_paths": "/admin/*"},
        "keeping": {"retention_days": "30"},
        "public": {"name": "Pages"},
        "secret": {"name": "Server", "scopes": ["read"]},
        "revoke": {"key": key.pk},
        "alias": {"kind": "umami", "value": "11111111-1111-4111-8111-111111111111"},
        "remove": {"alias": alias.pk},
        "invite": {"role": "viewer"},
        "withdraw": {"invitation": held.pk},
        "member": {"user": str(bob.pk), "role": "viewer"},
        "unmember": {"user": str(bob.pk)},
        "leave": {},
        "goal": {"name": "Signed up", "what": "page", "value": "/welcome"},
        "goal-change": {"goal": goal.pk, "name": "Sold", "what": "page", "value": "/thanks"},
        "goal-remove": {"goal": goal.pk},
        "share": {"name": "a wall", "period": "7d", "panels": ["pages"]},
        "share-change": {"link": link.pk, "name": "a door", "period": "all"},
        "share-revoke": {"link": link.pk},
        "delete": {"project_name": project.row.name},
    }


def test_there_is_a_line_for_every_form(project: TestProject) -> None:
    assert make_fields(project).keys() == ACTS.keys() == FORMS.keys()


def send(browser: Client, project: TestProject, section: str, fields: dict[str, Any]) -> Any:
    return browser.post(f"/p/{project.row.pk}/settings", {"section": section, **fields[section]})


def test_forms_that_somebody_may_not_send_change_nothing(
    who: str, browser: Client, project: TestProject, fields: dict[str, Any]
) -> None:
    before = read_stored()

    for section in ACTS:
        if who not in FORMS[section]:
            answer = send(browser, project, section, fields)
            expected = 302 if who == "signed out" else 403 if who in LOOKERS else 404
            if section == "leave" and who in LOOKERS:
                expected = 404  # they are no members
            assert answer.status_code == expected, section

    assert read_stored() == before


@pytest.mark.parametrize(
    ("section", "who"), [(section, who) for section in ACTS for who in sorted(FORMS[section])]
)
def test_forms_that_somebody_may_send_change_something(
    browser: Client, section: str, project: TestProject, fields: dict[str, Any]
) -> None:
    spare = User.objects.create_user("spare")
    add_member(project.row.pk, spare, Role.OWNER)
    before = read_stored()

    answer = send(browser, project, section, fields)

    assert answer.status_code == 302, answer.content.decode()
    assert "/signin" not in answer["Location"]
    assert read_stored() != before


@pytest.mark.parametrize("form", OTHER_FORMS)
def test_forms_of_other_pages_are_taken_from_who_may_send_them(
    form: str, who: str, browser: Client, project: TestProject
) -> None:
    address, sent, allowed = OTHER_FORMS[form]
    before = read_stored()

    given = {name: value() if callable(value) else value for name, value in sent.items()}
    answer = browser.post(f"/p/{project.row.pk}/{address}", given)

    if who in allowed:
        assert answer.status_code == 302, answer.content.decode()
        assert "/signin" not in answer["Location"]
        assert read_stored() != before
    else:
        expected = 302 if who == "signed out" else 403 if who in LOOKERS else 404
        assert answer.status_code == expected
        assert read_stored() == before
    is_shared = Segment.objects.filter(project=project.row, owner=None).exists()
    assert is_shared == (form == "a shared segment" and who in EDITORS)


OF_ANOTHER = (
    "revoke", "remove", "withdraw", "member", "unmember",
    "goal-change", "goal-remove", "share-change", "share-revoke",
)  # fmt: skip


@pytest.mark.parametrize("section", OF_ANOTHER)
def test_an_owner_reaches_nothing_of_another_project_by_its_id(
    section: str, project: TestProject, other_project: TestProject
) -> None:
    theirs = make_fields(other_project)
    make_fields(project)
    owner = make_user("owner", project, other_project)
    assert owner is not None
    client = Client()
    client.force_login(owner)
    before = read_stored()

    answer = client.post(f"/p/{project.row.pk}/settings", {"section": section, **theirs[section]})

    assert answer.status_code == 404
    assert read_stored() == before


@pytest.mark.parametrize("section", ["general", "invite", "public", "delete"])
def test_an_owner_of_one_project_is_nobody_in_another(
    section: str, project: TestProject, other_project: TestProject
) -> None:
    fields = make_fields(other_project)
    owner = make_user("owner", project, other_project)
    assert owner is not None
    client = Client()
    client.force_login(owner)
    before = read_stored()

    answer = client.post(
        f"/p/{other_project.row.pk}/settings", {"section": section, **fields[section]}
    )

    assert answer.status_code == 404
    assert read_stored() == before


def test_a_day_is_verified_by_whoever_may_look(
    who: str, browser: Client, project: TestProject
) -> None:
    answer = browser.post(f"/p/{project.row.pk}/trust", {"day": "2025-03-01"})

    expected = 200 if who in LOOKERS else 302 if who == "signed out" else 404
    assert answer.status_code == expected
