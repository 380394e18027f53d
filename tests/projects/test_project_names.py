"""Names of projects: equal ones are refused, and nothing is done to a project by its name alone."""

import threading
from collections.abc import Callable
from importlib import import_module
from io import StringIO

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from analytics.databases.mongo import collection
from analytics.projects.models import ApiKey, Project
from analytics.projects.names import NameTaken, normalise_name
from tests.conftest import TestProject, make_project
from upkeep.deletion.job import ask_deletion
from upkeep.watch.service import check_projects

FULL_WIDTH = "\uff33\uff48\uff4f\uff50"
EQUAL = ("Shop", " Shop", "Shop\t", "sHOP", "\u200bShop", "Sh\u00adop", FULL_WIDTH, "Shop\ufe0f")


@pytest.fixture
def admin(store: None) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("alice", password="x"))
    return client


def add(client: Client, name: str) -> str:
    form = {"name": name, "ip_rule": "truncate", "is_active": "on"}
    answer = client.post(reverse("admin:analytics_project_add"), form, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def names() -> list[str]:
    return list(Project.objects.values_list("name", flat=True))


@pytest.mark.parametrize("name", EQUAL)
def test_an_equal_name_is_refused_however_it_is_written(admin: Client, name: str) -> None:
    add(admin, "Shop")

    assert "There is a project of this name." in add(admin, name)

    assert names() == ["Shop"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Café", "Cafe\u0301"), ("Straße", "STRASSE"), ("my  shop", "My\u00a0Shop"), ("ﬁve", "FIVE")],
)
def test_names_that_read_the_same_are_equal(one: str, other: str) -> None:
    assert normalise_name(one) == normalise_name(other)


@pytest.mark.parametrize("name", ["\u200b", "\u3164", "0f1e2d3c4b5a6978", "0F1E2D3C4B5A6978"])
def test_a_name_that_is_not_seen_or_looks_like_an_id_is_refused(admin: Client, name: str) -> None:
    assert "errorlist" in add(admin, name)
    assert names() == []


def test_a_project_is_renamed_to_no_name_of_another_but_may_keep_its_own(admin: Client) -> None:
    add(admin, "Shop")
    add(admin, "Blog")
    blog = Project.objects.get(name="Blog")
    address = reverse("admin:analytics_project_change", args=[blog.pk])
    form = {"name": "SHOP", "ip_rule": "truncate", "is_active": "on"}

    assert "There is a project of this name." in admin.post(address, form).content.decode()
    for name in ("BLOG", "BLOG"):
        assert admin.post(address, {**form, "name": name}).status_code == 302
    assert sorted(names()) == ["BLOG", "Shop"]


def test_of_two_that_add_a_name_at_once_one_is_told(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    Project.objects.create(name="Shop")
    monkeypatch.setattr(Project, "clean", lambda self: None)  # as if both had looked before

    assert "There is a project of this name." in add(admin, "shop ")

    assert names() == ["Shop"]


def test_only_one_of_many_threads_makes_a_project_of_a_name(store: None) -> None:
    outcomes: list[str] = []

    def make() -> None:
        try:
            Project.objects.create(name="Shop")
        except NameTaken:
            outcomes.append("taken")
        else:
            outcomes.append("made")

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["made", *["taken"] * 5]


def test_the_name_of_a_deleted_project_is_free(project: TestProject) -> None:
    ask_deletion(project.row, "test")

    again = Project.objects.create(name="Test")

    assert normalise_name(again.name) == again.name_key
    assert Project.objects.get(pk=project.row.pk).name_key is None


@pytest.fixture
def duplicates(store: None) -> list[Project]:
    """Two projects of one name, from a release that allowed it, after the migration."""
    rows = [make_project("Shop").row, make_project(" shop").row]
    collection("projects").update_many({}, {"$unset": {"name_key": 1}})
    claim: Callable[..., None] = import_module(
        "analytics.migrations.0005_project_name_key"
    ).claim_names
    for _ in range(2):  # a migration may be run again
        claim(apps, None)
    return [Project.objects.get(pk=row.pk) for row in rows]


def test_equal_names_from_before_stay_usable_and_are_named(duplicates: list[Project]) -> None:
    assert [project.name_key for project in duplicates] == ["shop", None]
    for project in duplicates:
        project.retention_days = 30
        project.full_clean()
        project.save()
    [finding] = check_projects()
    assert all(project.id in finding.what for project in duplicates)

    with pytest.raises(ValidationError):
        Project(name="SHOP", partition=0).full_clean()
    duplicates[1].name = "Other shop"
    duplicates[1].save()
    assert [finding.advice for finding in check_projects()] == [""]


def test_the_second_of_equal_names_holds_it_once_the_first_is_gone(
    duplicates: list[Project],
) -> None:
    duplicates[0].stop()

    with pytest.raises(ValidationError):
        Project(name="Shop", partition=0).full_clean()
    duplicates[1].save()
    assert Project.objects.get(pk=duplicates[1].pk).name_key == "shop"


def create_key(project: str, *options: str) -> str:
    told = StringIO()
    arguments = ("--name", "x", "--scopes", "ingest", *options)
    call_command("create_api_key", "--project", project, *arguments, stdout=told)
    return told.getvalue()


def test_a_command_takes_no_name_that_several_have(duplicates: list[Project]) -> None:
    with pytest.raises(CommandError, match="Give the id"):
        create_key("shop")
    create_key(duplicates[1].id)
    assert ApiKey.objects.get(name="x").project == duplicates[1]


def test_a_command_finds_a_project_however_its_name_is_written(store: None) -> None:
    create_key("Shop", "--create-project")
    create_key(" SHOP ", "--create-project")

    assert names() == ["Shop"]
    assert Project.objects.get().keys.count() == 2


def test_a_first_project_is_made_beside_one_that_is_switched_off(
    store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Project.objects.create(name="Demo", is_active=False)
    monkeypatch.setenv("ADMIN_PASSWORD", "correct horse battery")

    call_command("setup_local", stdout=StringIO())

    assert sorted(names()) == ["Demo", "Demo 2"]
