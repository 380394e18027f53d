"""Deleting a project in the admin."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from analytics.projects.models import Project
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject, make_project
from upkeep.deletion import run
from upkeep.deletion.job import find_deletion
from upkeep.jobs.engine import run_job

pytestmark = pytest.mark.slow

LIST = "admin:upkeep_projectdeletion_changelist"
ADD = "admin:upkeep_projectdeletion_add"


@pytest.fixture
def admin(project: TestProject) -> Client:
    """Alice, signed in; an event of the project is stored."""
    Api(project.ingest_key).post("/event", {"path": "/a"})
    drain(0)
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="correct horse"))
    return client


def address_of(project: TestProject) -> str:
    return f"{reverse(ADD)}?project={project.row.pk}"


def ask_in_form(client: Client, project: TestProject, **typed: str) -> Any:
    form = {"project_name": "Test", "project_id": project.row.pk, **typed}
    return client.post(address_of(project), form, follow=True)


def test_a_project_is_deleted_by_its_name_and_id_and_the_record_stays(
    admin: Client, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SETTLE", timedelta(0))
    monkeypatch.setattr(run, "REST", timedelta(0))

    page = ask_in_form(admin, project).content.decode()

    assert f"Test ({project.row.pk}) is being deleted." in page
    run_job(run.DELETIONS, project.row.pk)
    address = reverse("admin:upkeep_projectdeletion_change", args=[project.row.pk])
    page = admin.get(address).content.decode()
    assert "1 events" in page and "1 accepted" in page and "done" in page
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("alice", project.row.pk)
    listed = admin.get(reverse("admin:analytics_project_changelist")).content.decode()
    assert ">deleted<" in listed
    address = reverse("admin:analytics_project_change", args=[project.row.pk])
    assert admin.post(address, {"name": "Back", "is_active": "on"}).status_code == 403


@pytest.mark.parametrize(
    "typed",
    [
        {"project_name": "test"}, {"project_name": ""},
        {"project_id": ""}, {"project_id": "0" * 16}, {"project_id": "Test"},
    ],
)  # fmt: skip
def test_another_name_or_id_deletes_nothing(
    admin: Client, project: TestProject, typed: dict[str, str]
) -> None:
    page = ask_in_form(admin, project, **typed).content.decode()

    assert "errorlist" in page
    assert find_deletion(project.row.pk) is None
    assert Project.objects.get(pk=project.row.pk).deleted_at is None


def test_of_two_projects_of_one_name_the_one_whose_page_it_is_goes(
    admin: Client, project: TestProject
) -> None:
    twin = make_project("Test")

    ask_in_form(admin, project, project_id=twin.row.pk)
    assert not Project.objects.exclude(deleted_at=None).exists()
    ask_in_form(admin, twin)

    assert [row.pk for row in Project.objects.exclude(deleted_at=None)] == [twin.row.pk]


def test_a_deletion_begins_on_the_page_of_its_project(admin: Client, project: TestProject) -> None:
    own = admin.get(reverse("admin:analytics_project_change", args=[project.row.pk]))
    assert f'href="{address_of(project)}"' in own.content.decode()
    assert "1 stored event, 3 API keys" in own.content.decode()
    form = admin.get(address_of(project)).content.decode()
    assert f"Test ({project.row.pk})</strong>, 1 stored event, 3 API keys" in form

    for address in (reverse(ADD), f"{reverse(ADD)}?project=zz", f"{reverse(ADD)}?project=%00"):
        for answer in (
            admin.get(address, follow=True),
            admin.post(address, {"project": project.row.pk, "confirm": "Test"}, follow=True),
        ):
            assert "begin on its page" in answer.content.decode()
    for page in (reverse(LIST), reverse("admin:index")):
        assert reverse(ADD) not in admin.get(page).content.decode()
    assert find_deletion(project.row.pk) is None


def test_wherever_a_project_is_chosen_its_id_and_what_it_holds_are_shown(
    admin: Client, project: TestProject
) -> None:
    label = f"Test ({project.row.pk}): 1 stored event, 3 API keys</option>"

    for page in ("analytics_apikey_add", "upkeep_erasure_add"):
        assert label in admin.get(reverse(f"admin:{page}")).content.decode()
    for page in (
        "analytics_apikey",
        "upkeep_erasure",
        "ingestion_deadletter",
        "upkeep_ledgerline",
    ):
        listed = admin.get(reverse(f"admin:{page}_changelist")).content.decode()
        assert f"Test ({project.row.pk})" in listed, page


def test_deleting_a_project_takes_the_permission_for_it(
    admin: Client, project: TestProject
) -> None:
    viewer = User.objects.create_user("bob", password="x", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_projectdeletion"))
    client = Client()
    client.force_login(viewer)

    assert client.get(reverse(LIST)).status_code == 200
    assert ask_in_form(client, project).status_code == 403
