"""Erasures in the admin."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from redis.exceptions import ConnectionError as RedisConnectionError

from analytics.databases.mongo import ERASURES, collection
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject
from tests.upkeep.erasure.erasures import finish_erasure
from upkeep.erasure import ask

pytestmark = pytest.mark.slow

MALLORY = "mallory@example.com"
LIST = "admin:upkeep_erasure_changelist"


@pytest.fixture
def admin(project: TestProject) -> Client:
    """Alice, signed in; two events of Mallory are stored."""
    Api(project.ingest_key).post("/events", [{"path": "/a", "userId": MALLORY}] * 2)
    drain(0)
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="correct horse"))
    return client


def ask_in_form(client: Client, project: TestProject, **fields: str) -> Any:
    form = {"of_project": project.row.pk, "user_id": MALLORY, **fields}
    return client.post(reverse("admin:upkeep_erasure_add"), form, follow=True)


def test_an_erasure_is_asked_for_and_followed(admin: Client, project: TestProject) -> None:
    page = ask_in_form(admin, project).content.decode()

    [job] = collection(ERASURES).find()
    assert (job["userId"], job["requestedBy"]) == (MALLORY, "admin alice")
    assert f"Erasure {job['_id']} was asked for." in page
    assert "waiting" in page
    finish_erasure(job["_id"])
    page = admin.get(reverse("admin:upkeep_erasure_change", args=[job["_id"]])).content.decode()
    assert "2 events, 0 deadLetters" in page
    assert "done" in page
    listed = admin.get(reverse(LIST), {"project": project.row.pk}).content.decode()
    assert job["_id"] in listed and project.row.name in listed


def test_who_asked_is_logged_and_whom_it_erases_is_not(admin: Client, project: TestProject) -> None:
    ask_in_form(admin, project)

    [job] = collection(ERASURES).find()
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("alice", job["_id"])
    assert MALLORY not in f"{entry.object_repr} {entry.change_message}"


def test_counting_erases_nothing(admin: Client, project: TestProject) -> None:
    page = ask_in_form(admin, project, only_count="on").content.decode()

    assert "2 events, 0 dead letters. Nothing was erased." in page
    assert collection(ERASURES).count_documents({}) == 0


def test_without_the_stream_nothing_is_asked_for(
    admin: Client, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise RedisConnectionError("gone")

    monkeypatch.setattr(ask, "create_erasure", fail)

    assert "Nothing was asked for: ConnectionError." in ask_in_form(admin, project).content.decode()


def test_an_erasure_cannot_be_changed_or_deleted(admin: Client, project: TestProject) -> None:
    ask_in_form(admin, project)
    [job] = collection(ERASURES).find()

    for page in ("change", "delete"):
        address = reverse(f"admin:upkeep_erasure_{page}", args=[job["_id"]])
        assert admin.post(address, {"post": "yes"}).status_code == 403
    assert collection(ERASURES).count_documents({}) == 1


def test_erasing_takes_the_permission_for_it(admin: Client, project: TestProject) -> None:
    viewer = User.objects.create_user("bob", password="x", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_erasure"))
    client = Client()
    client.force_login(viewer)

    assert client.get(reverse(LIST)).status_code == 200
    assert ask_in_form(client, project).status_code == 403


def test_the_migrations_know_every_model(store: None) -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
