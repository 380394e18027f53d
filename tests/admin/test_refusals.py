"""The admin: what a project's keys met with at the doors, by day, key and reason."""

from datetime import UTC, datetime

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics.admin import refusals as shown_refusals
from analytics.keys import refusals
from analytics.keys.refusals import flush_refusals
from analytics.projects.key_mirror import mirror_keys
from analytics.projects.models import ApiKey
from tests.conftest import Api, TestProject

pytestmark = pytest.mark.slow

SIGNUP = {"path": "/", "event": "signup"}


@pytest.fixture
def admin(store: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="correct horse"))
    return client


@pytest.fixture
def key(project: TestProject) -> ApiKey:
    """A public key that is refused three events, and a secret one that is refused one."""
    project.row.allowed_events = ["download"]
    project.row.save()
    key = ApiKey.issue_public(project.row, "Web <b>site</b>")
    key.save()
    mirror_keys()
    for _ in range(3):
        assert Api(key.text).post("/event", SIGNUP).status_code == 400
    assert Api(project.ingest_key).post("/event", {"path": ""}).status_code == 400
    flush_refusals()
    return key


def read_page(client: Client, model: str, pk: str) -> str:
    response = client.get(reverse(f"admin:analytics_{model}_change", args=[pk]))
    assert response.status_code == 200
    return response.content.decode()


def test_a_project_shows_what_each_of_its_keys_was_refused(admin: Client, key: ApiKey) -> None:
    today = datetime.now(UTC).date()
    page = read_page(admin, "project", key.project_id)

    name = f"Web &lt;b&gt;site&lt;/b&gt; ({key.prefix})"
    assert f"{today}: {name}, event_not_allowed 3" in page
    secret = ApiKey.objects.get(name="ingest")
    assert f"{today}: ingest ({secret.prefix}), " in page


def test_a_key_shows_its_own_and_a_neighbour_nothing(
    admin: Client, key: ApiKey, other_project: TestProject
) -> None:
    assert "event_not_allowed 3" in read_page(admin, "apikey", key.pk)
    assert "event_not_allowed" not in read_page(
        admin, "apikey", ApiKey.objects.get(project=key.project, name="ingest").pk
    )
    assert "event_not_allowed" not in read_page(admin, "project", other_project.row.pk)


def test_only_so_many_lines_are_shown(
    admin: Client, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown_refusals, "MAX_LINES", 1)
    assert "and 1 more" in read_page(admin, "project", key.project_id)


def test_a_page_is_there_without_redis(
    admin: Client, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> redis.Redis:
        raise redis.ConnectionError("Redis is down")

    monkeypatch.setattr(refusals, "stream_client", fail)
    for model, pk in (("project", key.project_id), ("apikey", key.pk)):
        assert "Redis does not answer." in read_page(admin, model, pk)
