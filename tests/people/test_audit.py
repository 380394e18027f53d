"""The audit log: what becomes an entry, who reads it, and that nobody changes it."""

import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from analytics.audit import record
from analytics.databases import mongo
from analytics.databases.mongo import collection
from people.accounts.models import SecondFactor
from people.accounts.resets import make_reset
from people.members.changes import add_member
from people.members.invitations import invite
from people.members.models import Member, Role
from tests.conftest import TestProject
from tests.docs.test_docs import MODULES
from tests.members import PASSWORD, let_in
from tests.people.conftest import make_user
from upkeep.deletion import run
from upkeep.jobs.engine import run_job


def entries(**of: Any) -> list[tuple[str, str, str]]:
    found = collection(mongo.AUDIT).find(of).sort("_id")
    return [(each["actor"], each["act"], each["subject"]) for each in found]


def read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"<[^>]+>", " ", str(answer.content.decode()))


def test_changes_by_the_settings_are_entries_of_their_project(
    owner: Client, project: TestProject
) -> None:
    page = f"/p/{project.row.pk}/settings"
    owner.post(page, {"section": "keeping", "retention_days": "30"})
    owner.post(page, {"section": "secret", "name": "server", "scopes": ["read"]})

    acts = [(actor, act) for actor, act, _ in entries(project=project.id)]
    assert acts == [("olga", "project.changed"), ("olga", "apikey.added")]
    owner.get(page)  # shows the key, this once
    text = read(owner, f"/p/{project.row.pk}/audit")
    assert "retention_days" in text
    assert not re.search(r"ak_live_\w{8}_\w{20}", text)


def test_changes_in_the_admin_are_entries_too(project: TestProject) -> None:
    boss = make_user("boss", is_staff=True, is_superuser=True)
    client = let_in(boss)
    spare = [make_user(f"spare {number}") for number in range(2)]
    add_member(project.row.pk, spare[0], Role.OWNER)  # what is theirs goes with them
    invite(project.row, Role.VIEWER, "", spare[0])
    make_reset(spare[0], "boss")
    SecondFactor.objects.create(user=spare[0], secret="A" * 32)
    client.post(
        reverse("admin:analytics_project_change", args=[project.row.pk]),
        {"name": "Renamed", "is_active": "on", "ip_rule": "drop"},
    )
    client.post(
        reverse("admin:auth_user_changelist"),
        {
            "action": "delete_selected",
            "_selected_action": [str(user.pk) for user in spare],
            "post": "yes",
        },
    )

    assert User.objects.count() == 1
    assert not Member.objects.exists()
    acts = [act for _, act, _ in entries(project=project.id)]
    assert acts == ["invitation.made", "project.changed"]
    gone = [subject for _, act, subject in entries() if act == "user.deleted"]
    assert sorted(gone) == ["spare 0", "spare 1"]


def test_signing_in_failing_to_and_out_are_entries(store: None) -> None:
    make_user("olga")
    client = Client()
    client.post("/signin", {"username": "olga", "password": "wrong"})
    client.post("/signin", {"username": "my secret passphrase", "password": "wrong"})
    client.post("/signin", {"username": "olga", "password": PASSWORD})
    client.post("/signout")

    assert entries() == [
        ("127.0.0.1", "signin.failed", "olga"),
        ("olga", "signin", "olga"),
        ("olga", "signout", "olga"),
    ]
    assert "passphrase" not in repr(list(collection(mongo.AUDIT).find()))


def test_erasures_are_entries_whoever_asks_and_name_nobody(project: TestProject) -> None:
    answer = Client(headers={"authorization": f"Bearer {project.admin_key}"}).delete(
        "/users/alice@example.com"
    )
    assert answer.status_code == 202

    [(actor, act, subject)] = entries(project=project.id)
    assert (actor[:4], act) == ("key ", "erasure.asked")
    assert subject in answer.content.decode()
    assert "alice" not in repr(list(collection(mongo.AUDIT).find()))


def test_commands_are_entries(project: TestProject) -> None:
    output = StringIO()
    call_command("create_api_key", project.row.pk, "--public", stdout=output)
    call_command("allow_origin", project.row.pk, "https://shop.example", stdout=output)
    make_user("olga")
    call_command("end_sessions", "olga", stdout=output)
    call_command("create_service_key", "CI", stdout=output)

    # With who ran it: a user may be called `command`, but has no space in the name.
    assert all(actor.split()[1:] for actor, _, _ in entries())
    acts = [(actor.split()[0], act) for actor, act, _ in entries()]
    assert acts == [
        ("command", "apikey.added"), ("command", "project.changed"), ("command", "sessions.ended"),
        ("command", "servicekey.added"),
    ]  # fmt: skip


def test_entries_stay_when_their_project_is_deleted(
    owner: Client, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SETTLE", timedelta(0))
    monkeypatch.setattr(run, "REST", timedelta(0))
    sent = {"section": "delete", "project_name": project.row.name}
    assert owner.post(f"/p/{project.row.pk}/settings", sent).status_code == 302
    run_job(run.DELETIONS, project.row.pk)

    acts = [act for _, act, _ in entries(project=project.id)]
    assert acts[0] == "project.deletion_asked"
    for name in (mongo.MEMBERS, mongo.INVITATIONS):
        assert collection(name).count_documents({}) == 0
    boss = let_in(make_user("boss", is_staff=True))
    assert "project.deletion_asked" in read(boss, "/audit")


def test_an_owner_reads_of_their_project_alone(
    owner: Client, project: TestProject, other_project: TestProject
) -> None:
    record("eve", other_project.row.pk, "project.changed", "theirs")
    record("eve", None, "signin", "eve")
    record("bob", project.row.pk, "project.changed", "<script>ours")
    [foreign] = collection(mongo.AUDIT).find({"subject": "theirs"})

    for query in ("", "?actor=eve", f"?before={foreign['_id']}", "?act=signin"):
        assert "theirs" not in read(owner, f"/p/{project.row.pk}/audit{query}")
    answer = owner.get(f"/p/{project.row.pk}/audit").content.decode()
    assert "&lt;script&gt;ours" in answer
    assert owner.get("/audit").status_code == 404


def test_older_entries_are_on_further_pages_each_once(owner: Client, project: TestProject) -> None:
    at = datetime.now(UTC)
    collection(mongo.AUDIT).insert_many(
        {"at": at, "actor": "olga", "project": project.id, "act": "many", "subject": f"no {each};"}
        for each in range(120)
    )
    path, seen = f"/p/{project.row.pk}/audit?act=many", []
    while path:
        page = owner.get(path).content.decode()
        seen += re.findall(r"no (\d+);", page)
        found = re.search(r'href="(\?[^"]+)">Older', page)
        path = f"/p/{project.row.pk}/audit{found[1].replace('&amp;', '&')}" if found else ""

    assert sorted(map(int, seen)) == list(range(120))


@pytest.mark.parametrize("query", ["before=x", "before=" + "0" * 24, "actor=%00", "act=$ne"])
def test_odd_questions_have_an_orderly_answer(
    query: str, owner: Client, project: TestProject
) -> None:
    assert owner.get(f"/p/{project.row.pk}/audit?{query}").status_code == 200


def test_no_page_form_or_code_changes_an_entry(owner: Client, project: TestProject) -> None:
    assert all(model._meta.db_table != mongo.AUDIT for model in admin.site._registry)
    naming = {module for module in MODULES if "mongo.AUDIT" in module.read_text()}
    assert {module.name for module in naming} == {"audit.py", "reading.py"}
    for module in naming:
        assert not re.search(r"\.(update|delete|replace|find_one_and)_", module.read_text())
    for method in ("post", "put", "delete"):
        assert getattr(owner, method)(f"/p/{project.row.pk}/audit").status_code == 405


def test_making_a_project_is_an_entry_and_its_maker_owns_it(store: None) -> None:
    nina = make_user("nina")
    nina.user_permissions.set(Permission.objects.filter(codename="add_project"))
    client = let_in(nina)

    answer = client.post("/new", {"name": "Shop"})

    assert client.get(answer["Location"]).status_code == 200
    assert client.get(answer["Location"] + "settings").status_code == 200
    acts = [act for _, act, _ in entries(actor="nina")]
    assert acts == ["signin", "project.added", "apikey.added"]
