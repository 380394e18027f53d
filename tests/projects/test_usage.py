"""How many events a key and a project sent in a month."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from redis.exceptions import RedisError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import quota_key, usage_key
from analytics.projects.models import ApiKey
from analytics.projects.usage import read_key_usage, read_project_usage
from tests.conftest import Api, TestProject

EVENT = {"path": "/a"}


def this_month() -> str:
    return datetime.now(UTC).strftime("%Y-%m")


def key_of(project: TestProject, name: str) -> ApiKey:
    return ApiKey.objects.select_related("project").get(project=project.row, name=name)


def set_created(project: TestProject, moment: datetime) -> None:
    project.row.created_at = moment
    project.row.save()


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
    set_created(project, datetime(2025, 12, 31, tzinfo=UTC))
    key = key_of(project, "ingest")
    for month, all_events, by_key in (("202512", 5, 2), ("202601", 7, 3)):
        counts = {project.row.pk: all_events, f"{project.row.pk}:{key.id}": by_key}
        stream_client().hset(usage_key(0, month), mapping=counts)  # type: ignore[arg-type]

    assert read_project_usage(project.row) == [("2026-01", 7), ("2025-12", 5)]
    assert read_key_usage(key) == [("2026-01", 3), ("2025-12", 2)]


def test_what_the_release_before_counted_is_added(
    project: TestProject, other_project: TestProject
) -> None:
    set_created(project, datetime(2025, 12, 31, tzinfo=UTC))
    key = key_of(project, "ingest")
    month = datetime.now(UTC).strftime("%Y%m")
    counts = {"202512": 5, f"202512:{key.id}": 2, month: 7, f"{month}:{key.id}": 3}
    name = quota_key(0, project.row.pk)
    stream_client().hset(name, mapping=counts)  # type: ignore[arg-type]
    Api(project.ingest_key).post("/event", EVENT)

    assert read_project_usage(project.row) == [(this_month(), 8), ("2025-12", 5)]
    assert read_key_usage(key) == [(this_month(), 4), ("2025-12", 2)]
    assert read_project_usage(other_project.row) == []


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
