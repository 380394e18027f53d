"""`/p/<project>/exports`: what each role sees of exports, and does."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from exchange.outgoing.job import find_export, list_exports
from people.members.changes import add_member, change_role, remove_member
from people.members.models import Role
from tests.conftest import TestProject
from tests.exchange.exports import ask, export, run
from tests.members import join
from tests.stored import store_events


@pytest.fixture
def filled(project: TestProject) -> TestProject:
    store_events(project, [{"path": "/a", "userId": "ada"}, {"path": "/b"}])
    return project


def sign_in(project: TestProject, role: Role) -> Client:
    return join(project, role, role.value)


def look(client: Client, project: TestProject) -> str:
    return client.get(f"/p/{project.row.pk}/exports").content.decode()


def test_an_editor_asks_for_an_export_fetches_it_and_removes_it(filled: TestProject) -> None:
    editor, path = sign_in(filled, Role.EDITOR), f"/p/{filled.row.pk}/exports"
    assert editor.post(path, {"format": "csv", "start": "2026-01-01"}).status_code == 302
    [asked] = list_exports(filled.id)
    assert asked["query"]["start"] == "2026-01-01T00:00:00.000Z"
    assert "waits for its moment" in look(editor, filled)
    assert 'hx-trigger="every 2s"' in look(editor, filled)
    run(filled, asked["_id"])
    page = look(editor, filled)
    assert "ready: 2 events" in page
    assert "every 2s" not in page
    [link] = re.findall(r'href="(/exports/[^"]+)"', page)
    file = Client().get(link)
    assert b"".join(file.streaming_content).count(b"\n") == 3  # type: ignore[attr-defined]
    file.close()
    part = editor.get(path, headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<section class="card" id="exports"')
    editor.post(path, {"remove": asked["_id"]})
    assert "removed" in look(editor, filled)
    assert "/exports/" + asked["_id"] not in look(editor, filled)


def test_a_viewer_sees_that_there_are_exports_and_no_more(filled: TestProject) -> None:
    done, viewer = export(filled), sign_in(filled, Role.VIEWER)
    page = look(viewer, filled)
    assert "ready: 2 events" in page
    assert "<form" not in page.partition('<div class="exports">')[2].partition("</section>")[0]
    assert done["_id"] not in page
    for fields in ({"format": "csv"}, {"remove": done["_id"]}):
        assert viewer.post(f"/p/{filled.row.pk}/exports", fields).status_code == 403
    assert [found["_id"] for found in list_exports(filled.id)] == [done["_id"]]


def test_addresses_are_for_owners(filled: TestProject) -> None:
    editor, owner = sign_in(filled, Role.EDITOR), sign_in(filled, Role.OWNER)
    path, fields = f"/p/{filled.row.pk}/exports", {"format": "csv", "withAddresses": "on"}
    assert editor.post(path, fields).status_code == 403
    assert owner.post(path, fields).status_code == 302
    [asked] = list_exports(filled.id)
    run(filled, asked["_id"])
    assert "/exports/" + asked["_id"] in look(owner, filled)
    assert "/exports/" + asked["_id"] not in look(editor, filled)
    assert asked["_id"] not in look(editor, filled)
    assert editor.post(path, {"remove": asked["_id"]}).status_code == 403
    assert "/exports/" + asked["_id"] in look(owner, filled)
    owner.post(path, {"remove": asked["_id"]})
    assert "/exports/" + asked["_id"] not in look(owner, filled)


def test_what_is_asked_wrongly_is_told_on_the_page(filled: TestProject) -> None:
    editor, path = sign_in(filled, Role.EDITOR), f"/p/{filled.row.pk}/exports"
    fields = {"format": "csv", "start": "2026-02-01", "end": "2026-01-01"}
    page = editor.post(path, fields, follow=True).content.decode()
    assert page.count("end is not after start") == 1
    assert list_exports(filled.id) == []


def test_another_projects_export_is_not_removed_here(
    filled: TestProject, other_project: TestProject
) -> None:
    theirs = ask(other_project)
    editor = sign_in(filled, Role.EDITOR)
    editor.post(f"/p/{filled.row.pk}/exports", {"remove": theirs})
    found = find_export(other_project.id, theirs)
    assert found is not None
    assert found.get("open")


@pytest.mark.parametrize("end", ["left", "viewer", "shut out", "gone"])
def test_a_link_ends_with_the_membership_that_it_was_told_to(
    end: str, filled: TestProject, other_project: TestProject
) -> None:
    export(filled)
    editor = sign_in(filled, Role.EDITOR)
    user = User.objects.get(username="editor")
    add_member(other_project.row.pk, user, Role.OWNER)
    [link] = re.findall(r'href="(/exports/[^"]+)"', look(editor, filled))
    file = Client().get(link)
    assert file.status_code == 200
    file.close()

    match end:
        case "left":
            remove_member(filled.row.pk, str(user.pk), "olga")
        case "viewer":
            change_role(filled.row.pk, str(user.pk), Role.VIEWER, "olga")
        case "shut out":
            User.objects.filter(pk=user.pk).update(is_active=False)
        case _:
            user.delete()

    answer = Client().get(link)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_link")
