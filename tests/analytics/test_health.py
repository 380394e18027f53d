"""/healthz and /readyz: what an orchestrator is told."""

from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
import redis
from django.conf import LazySettings
from django.test import Client
from pytest_django import Settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from analytics.databases import mongo
from analytics.probes import health

COMPONENTS = {"stream": "ok", "broker": "ok", "store": "ok"}


@pytest.fixture
def nowhere() -> Iterator[pymongo.MongoClient[dict[str, Any]]]:
    with pymongo.MongoClient[dict[str, Any]]("mongodb://127.0.0.1:1", connect=False) as client:
        yield client


def break_component(
    name: str, nowhere: pymongo.MongoClient[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "store":
        monkeypatch.setattr(mongo, "client", lambda: nowhere)
        monkeypatch.setattr(health, "MONGO_TIMEOUT_SECONDS", 0.05)
    else:
        client = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
        monkeypatch.setattr(health, f"{name}_client", lambda: client)


def test_liveness_tells_the_version(settings: LazySettings) -> None:
    assert Client().get("/healthz").json() == {"status": "ok", "version": settings.VERSION}


def test_a_whole_service_is_ready(store: None) -> None:
    answer = Client().get("/readyz?for=reporting")

    assert (answer.status_code, answer.json()["components"]) == (200, COMPONENTS)


@pytest.mark.parametrize(
    ("component", "to_accept", "to_report"),
    [("stream", 503, 503), ("broker", 200, 200), ("store", 200, 503)],
)
def test_a_service_is_ready_while_what_it_needs_is_there(
    store: None,
    nowhere: pymongo.MongoClient[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    component: str,
    to_accept: int,
    to_report: int,
) -> None:
    break_component(component, nowhere, monkeypatch)

    for address, status in (("/readyz", to_accept), ("/readyz?for=reporting", to_report)):
        answer = Client().get(address)
        assert answer.status_code == status
        assert answer.json()["components"] == {**COMPONENTS, component: "degraded"}
        assert ("Retry-After" in answer) == (status == 503)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_come_past_the_proxy_without_tls_and_by_address(
    store: None, settings: Settings, path: str
) -> None:
    settings.SECURE_SSL_REDIRECT = True

    answer = Client().get(path, headers={"host": "10.1.2.3:8000"})

    assert answer.status_code == 200
    assert Client().get("/stats").status_code == 301
