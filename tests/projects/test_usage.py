"""How many events a key and a project sent in a month."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from redis.exceptions import RedisError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import quota_key
from analytics.projects.models import ApiKey
from analytics.projects.usage import read_key_usage, read_project_usage
from tests.conftest import Api, TestProject

EVENT = {"path": "/a"}


def this_month() -> str:
    return datetime.now(UTC).strftime("%Y-%m")


def key_of(project: TestProject, name: str) -> ApiKey:
    return ApiKey.objects.select_related("project").get(project=project.row, name=name)


def test_each_accepted_event_counts_for_its_key_and_its_project(
    project: TestProject, other_project: TestProject
) -> None:
    Api(project.ingest_key).post("/events", [EVENT] * 3)
    Api(project.admin_key).post("/event", EVENT)
    Api(project.ingest_key).post("/event", b"no json")
    Api(other_project.ingest_key).post("/event", EVENT)

    assert read_key_usage(key_of(project, "ingest")) == [(this_month(), 3)]
    assert read_key_usage(key_of(project, "admin")) == [(this_month(), 1)]
    assert read_key_usage(key_of(project, "read")) == []
    assert read_project_usage(project.row) == [(this_month(), 4)]


def test_months_are_listed_the_latest_first(project: TestProject) -> None:
    key = key_of(project, "ingest")
    name = quota_key(0, project.row.id)
    counts = {"202512": 5, "202601": 7, f"202512:{key.id}": 2, f"202601:{key.id}": 3}
    stream_client().hset(name, mapping=counts)  # type: ignore[arg-type]

    assert read_project_usage(project.row) == [("2026-01", 7), ("2025-12", 5)]
    assert read_key_usage(key) == [("2026-01", 3), ("2025-12", 2)]


@pytest.mark.slow
def test_the_admin_shows_the_usage_of_a_key_and_of_its_project(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="x"))
    Api(project.ingest_key).post("/events", [EVENT] * 1_000)
    Api(project.ingest_key).post("/events", [EVENT] * 234)
    pages = [
        reverse("admin:analytics_apikey_change", args=[key_of(project, "ingest").id]),
        reverse("admin:analytics_project_change", args=[project.row.id]),
    ]

    for page in pages:
        assert f"{this_month()}: 1,234" in client.get(page).content.decode()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RedisError("gone")

    monkeypatch.setattr("redis.Redis.hgetall", fail)
    for page in pages:
        assert "Redis does not answer." in client.get(page).content.decode()
