"""Deleting a project in the admin."""

import math
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from analytics.models import Project
from ingestion.deletion import run
from ingestion.deletion.job import find_deletion
from ingestion.drain import drain
from tests.conftest import Api, TestProject

pytestmark = pytest.mark.slow

LIST = "admin:ingestion_projectdeletion_changelist"
ADD = "admin:ingestion_projectdeletion_add"


@pytest.fixture
def admin(project: TestProject) -> Client:
    """Alice, signed in; an event of the project is stored."""
    Api(project.ingest_key).post("/event", {"path": "/a"})
    drain(0)
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="correct horse"))
    return client


def ask_in_form(client: Client, project: TestProject, name: str = "Test") -> Any:
    form = {"project": project.row.pk, "confirm": name}
    return client.post(reverse(ADD), form, follow=True)


def test_a_project_is_deleted_by_its_name_and_the_record_stays(
    admin: Client, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SETTLE", timedelta(0))
    monkeypatch.setattr(run, "REST", timedelta(0))

    page = ask_in_form(admin, project).content.decode()

    assert f"Test ({project.row.pk}) is being deleted." in page
    run.run_deletion(project.row.pk, math.inf)
    address = reverse("admin:ingestion_projectdeletion_change", args=[project.row.pk])
    page = admin.get(address).content.decode()
    assert "1 events" in page and "1 accepted" in page and "done" in page
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("alice", project.row.pk)
    listed = admin.get(reverse("admin:analytics_project_changelist")).content.decode()
    assert ">deleted<" in listed
    address = reverse("admin:analytics_project_change", args=[project.row.pk])
    assert admin.post(address, {"name": "Back", "is_active": "on"}).status_code == 403


def test_another_name_deletes_nothing(admin: Client, project: TestProject) -> None:
    page = ask_in_form(admin, project, "test").content.decode()

    assert "This is not the name of that project." in page
    assert find_deletion(project.row.pk) is None
    assert Project.objects.get(pk=project.row.pk).deleted_at is None


def test_deleting_a_project_takes_the_permission_for_it(
    admin: Client, project: TestProject
) -> None:
    viewer = User.objects.create_user("bob", password="x", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_projectdeletion"))
    client = Client()
    client.force_login(viewer)

    assert client.get(reverse(LIST)).status_code == 200
    assert ask_in_form(client, project).status_code == 403
