"""Share links on the settings page: made, changed and revoked by editors, and written down."""

import html
import json
import re
from typing import Any

import pytest
from django.test import Client

from analytics.databases import mongo
from analytics.databases.mongo import collection
from people.members.models import Role
from people.shares.models import ShareLink
from tests.conftest import TestProject
from tests.members import join
from tests.shares.conftest import GERMANY, Share

NEW = {"section": "share", "name": "For the board", "panels": ["pages", "places"], "period": "28d"}


def address(project: TestProject) -> str:
    return f"/p/{project.row.pk}/settings"


def read(client: Client, project: TestProject) -> str:
    text = client.get(address(project)).content.decode()
    return html.unescape(text)


def errors(answer: Any) -> str:
    return html.unescape(
        " ".join(re.findall(r'role="alert"[^>]*>([^<]*)', answer.content.decode()))
    )


@pytest.fixture
def editor(told: TestProject) -> Client:
    return join(told, Role.EDITOR, "bob")


def list_entries(project: TestProject) -> list[tuple[str, str]]:
    found = collection(mongo.AUDIT).find({"project": project.id}).sort("at", 1)
    return [(entry["act"], entry["actor"]) for entry in found if "share_link" in entry["act"]]


def test_an_editor_makes_a_link_whose_address_is_shown_once(
    told: TestProject, editor: Client
) -> None:
    fields: dict[str, Any] = {
        **NEW, "only": "is:country:DE\nnot:path:/pricing", "may_choose_window": "on",
        "origins": "https://blog.example", "expires_at": "2100-01-01",
    }  # fmt: skip
    assert editor.post(address(told), fields).status_code == 302
    page = read(editor, told)
    [home] = re.findall(r'<code id="new-share">([^<]+)</code>', page)

    shown = Client().get(home.removeprefix("http://testserver"), {"full": "1", "period": "7d"})
    assert shown.status_code == 200
    assert 'data-metric="views" data-value="2"' in shown.content.decode()
    assert "https://blog.example" in shown["Content-Security-Policy"]
    [link] = ShareLink.objects.all()
    assert json.loads(link.restriction) == {
        "and": [GERMANY, {"not": {"field": "path", "op": "is", "values": ["/pricing"]}}]
    }
    assert (link.panels, link.created_by, link.may_choose_window) == (
        ["pages", "places"], "bob", True,
    )  # fmt: skip
    again = read(editor, told)
    assert home.rpartition("/")[2] not in again
    assert "is:country:DE" in again
    assert "opened 1 time," in again
    assert list_entries(told) == [("share_link.made", "bob")]
    assert home.rpartition("/")[2] not in str(list(collection(mongo.AUDIT).find()))


@pytest.mark.parametrize(
    ("fields", "told_of"),
    [
        ({"name": ""}, "This field is required"),
        ({"panels": ["users"]}, "is not one of the available choices"),
        ({"only": "is:nonsense:x"}, "A line names no field"),
        ({"only": "is:entryPath:/"}, "filter.field is none of path"),
        ({"only": "is"}, "A line begins with none of"),
        ({"only": '{"did": {"field": "path", "op": "exists"}}'}, "does not stand"),
        ({"only": "{x"}, "It is no JSON"),
        ({"only": "matches:path:(a{1000}){1000}"}, "is a pattern that is refused"),
        ({"period": "own"}, "Days of one's own have a first one"),
        ({"period": "own", "start": "2026-11-02", "end": "2026-11-01"}, "Days of one's own"),
        ({"period": "century"}, "is not one of the available choices"),
        ({"origins": "*"}, "is not an origin"),
        ({"origins": "blog.example"}, "is not an origin"),
        ({"origins": "https://x.example; script-src *"}, "is not an origin"),
        ({"origins": "https://x.example", "new_password": "x"}, "cannot be embedded"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_made(
    told: TestProject, editor: Client, fields: dict[str, Any], told_of: str
) -> None:
    answer = editor.post(address(told), NEW | fields)

    assert answer.status_code == 200
    assert told_of in errors(answer)
    assert not ShareLink.objects.exists()
    assert list_entries(told) == []


def test_the_form_says_that_a_password_and_frames_do_not_go_together(
    told: TestProject, editor: Client
) -> None:
    assert "A link with a password cannot be embedded" in read(editor, told)


def test_a_form_begins_with_the_filters_of_its_address(told: TestProject, editor: Client) -> None:
    page = editor.get(address(told), {"f": ["is:path:/docs", "is:country:DE"]}).content.decode()

    assert "is:path:/docs\nis:country:DE</textarea>" in page


def test_a_link_is_changed_and_its_password_is_taken_off(
    told: TestProject, editor: Client, share: Share
) -> None:
    visitor = share(told, restriction=GERMANY, password="old")
    own = {**NEW, "section": "share-change", "link": visitor.link.pk, "name": "Renamed"}
    own |= {"period": "own", "start": "2020-01-01", "end": "2020-01-31", "only": ""}

    assert editor.post(address(told), own).status_code == 302
    visitor.link.refresh_from_db()
    assert (visitor.link.name, visitor.link.start, visitor.link.end, visitor.link.period) == (
        "Renamed", "2020-01-01", "2020-02-01", "",
    )  # fmt: skip
    assert (visitor.link.restriction, visitor.link.password != "") == ("", True)
    page = read(editor, told)
    assert 'value="2020-01-31"' in page
    assert "with a password" in page
    assert editor.post(address(told), {**own, "takes_off": "on"}).status_code == 302
    visitor.link.refresh_from_db()
    assert visitor.link.password == ""
    assert "31 Jan 2020" in visitor.read("bar")
    assert list_entries(told) == [("share_link.changed", "bob")] * 2


def test_a_revoked_link_stays_revoked_whatever_form_was_open(
    told: TestProject, editor: Client, share: Share
) -> None:
    visitor = share(told)
    theirs = {"link": visitor.link.pk}
    assert visitor.read()

    assert editor.post(address(told), {"section": "share-revoke", **theirs}).status_code == 302
    assert visitor.get().status_code == 404
    change = {**NEW, "section": "share-change", **theirs}
    assert editor.post(address(told), change).status_code == 404
    assert editor.post(address(told), {"section": "share-revoke", **theirs}).status_code == 404
    visitor.link.save(update_fields=ShareLink.CHANGEABLE)
    assert visitor.get().status_code == 404
    assert list_entries(told) == [("share_link.revoked", "bob")]
    assert "<b>revoked</b>" in read(editor, told)


@pytest.mark.parametrize("role", [Role.VIEWER, None])
def test_only_editors_make_change_and_revoke(
    told: TestProject, share: Share, role: Role | None
) -> None:
    visitor, client = share(told), join(told, role, "bob")
    theirs = {"link": visitor.link.pk}
    expected = 403 if role else 404

    for fields in (
        {},
        {"section": "share-change", **theirs},
        {"section": "share-revoke", **theirs},
    ):
        assert client.post(address(told), NEW | fields).status_code == expected
    assert visitor.get().status_code == 200
    assert ShareLink.objects.get() == visitor.link
    if role:
        page = read(client, told)
        assert "For the board" in page
        assert "share-revoke" not in page
        assert visitor.token not in page


def test_links_of_another_project_are_not_there(
    told: TestProject, other_project: TestProject, share: Share, editor: Client
) -> None:
    visitor = share(other_project, name="Of others")

    for section in ("share-change", "share-revoke"):
        fields = {**NEW, "section": section, "link": visitor.link.pk}
        assert editor.post(address(told), fields).status_code == 404
        assert editor.post(address(other_project), fields).status_code == 404
    assert "Of others" not in read(editor, told)
    assert visitor.get().status_code == 200
