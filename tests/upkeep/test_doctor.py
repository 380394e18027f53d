"""`manage.py doctor`: what it finds on good and bad servers, and what it advises."""

import time
from collections.abc import Iterator
from io import StringIO
from ipaddress import ip_network
from typing import Any

import pymongo
import pytest
import redis
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from redis.backoff import NoBackoff
from redis.retry import Retry

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import api_key_key, api_keys_complete_key
from analytics.metrics import sightings
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject
from tests.poison import accept_poison
from upkeep.watch import doctor, servers, service
from upkeep.watch.finding import Finding, Level


@pytest.fixture(autouse=True)
def at_work(store: None) -> None:
    """Beat and a worker were seen just now."""
    for process in sightings.PROCESSES:
        sightings.note_alive(process)


def texts(findings: Iterator[Finding], level: Level) -> str:
    return "\n".join(found.what for found in findings if found.level is level)


def test_nothing_is_wrong_with_a_good_deployment(project: TestProject) -> None:
    output = StringIO()

    call_command("doctor", stdout=output)

    assert output.getvalue().endswith("Nothing is wrong.\n")
    assert "BAD" not in output.getvalue()
    for name in doctor.CHECKS:
        assert f"ok   {name}: " in output.getvalue(), name


def test_what_is_wrong_ends_with_status_1_and_says_what_to_do(
    project: TestProject, settings: LazySettings
) -> None:
    settings.DEBUG = True
    output = StringIO()

    with pytest.raises(CommandError, match="1 findings are wrong"):
        call_command("doctor", stdout=output)

    assert "BAD  settings: DEBUG is on" in output.getvalue()
    assert "-> set DEBUG=false" in output.getvalue()


@pytest.mark.parametrize(
    ("name", "value", "level", "text"),
    [
        ("appendfsync", "everysec", Level.DOUBTFUL, "a power cut loses the last second"),
        ("no-appendfsync-on-rewrite", "yes", Level.DOUBTFUL, "nothing is synced while"),
        ("maxmemory-policy", "allkeys-lru", Level.WRONG, "it evicts when it is full"),
        ("maxmemory", "0", Level.WRONG, "its memory has no limit"),
        ("appendonly", "no", Level.WRONG, "it keeps nothing on disk"),
    ],
)
def test_a_redis_that_may_lose_events_is_named(
    name: str, value: str, level: Level, text: str
) -> None:
    client: Any = stream_client()
    before = client.config_get(name)[name]
    client.config_set(name, value)
    try:
        assert text in texts(servers.check_stream(), level)
    finally:
        client.config_set(name, before)


@pytest.mark.parametrize(
    ("versions", "name"),
    [
        ({"redis_version": "7.4.1"}, "Redis 7.4.1"),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, "Valkey 9.1.2"),
    ],
)
def test_redis_and_valkey_are_told_apart(
    versions: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = {key: value for key, value in stream_client().info().items() if "_version" not in key}
    monkeypatch.setattr(stream_client(), "info", lambda: info | versions)

    assert name in texts(servers.check_stream(), Level.WELL).splitlines()


def test_a_redis_that_is_nearly_full_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "MAX_MEMORY_RATIO", 0.0)
    monkeypatch.setattr(servers, "MIN_FREE_RATIO", 1.1)

    found = texts(servers.check_stream(), Level.DOUBTFUL)

    assert "of its maxmemory" in found
    assert "its disk has" in found


def test_servers_that_do_not_answer_are_named_and_hide_nothing_else(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
    for name in ("stream_client", "broker_client"):
        monkeypatch.setattr(servers, name, lambda: nowhere)
    monkeypatch.setattr(servers, "STORE_TIMEOUT_SECONDS", 0.05)
    with pymongo.MongoClient[dict[str, Any]]("mongodb://127.0.0.1:1", connect=False) as client:
        monkeypatch.setattr(mongo, "client", lambda: client)
        findings = list(doctor.examine())

    wrong = [finding.what for _, finding in findings if finding.level is Level.WRONG]
    assert [text.split(":")[0] for text in wrong[:3]] == [
        "Redis does not answer",
        "the broker does not answer",
        "MongoDB does not answer",
    ]
    assert {name for name, _ in findings} == set(doctor.CHECKS)
    assert ("clocks", Level.DOUBTFUL) in {(name, found.level) for name, found in findings}


def test_a_mongodb_without_a_replica_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Alone:
        admin = property(lambda self: self)

        def command(self, name: str) -> dict[str, Any]:
            return {"isWritablePrimary": True}

        def server_info(self) -> dict[str, Any]:
            return {"version": "5.0.9"}

    monkeypatch.setattr(mongo, "client", Alone)

    assert texts(servers.check_store(), Level.WRONG).splitlines() == [
        "MongoDB is 5.0.9",
        "MongoDB is no replica set: no transactions",
    ]


def test_clocks_apart_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    right = time.time
    monkeypatch.setattr("time.time", lambda: right() + 30)

    assert "the clock of Redis is -30" in texts(servers.check_clocks(), Level.WRONG)


@pytest.mark.parametrize(
    ("name", "value", "level", "text"),
    [
        ("SECRET_KEY", "short", Level.WRONG, "SECRET_KEY can be guessed"),
        ("ALLOWED_HOSTS", ["*"], Level.DOUBTFUL, "ALLOWED_HOSTS lets any name in"),
        ("HTTPS_ONLY", True, Level.WRONG, "HTTPS_ONLY without TRUSTED_PROXIES"),
        ("METRICS_ALLOWED_IPS", [ip_network("0.0.0.0/0")], Level.DOUBTFUL, "/metrics answers"),
    ],
)
def test_settings_that_are_unsafe_are_named(
    settings: LazySettings, name: str, value: Any, level: Level, text: str
) -> None:
    setattr(settings, name, value)

    assert text in texts(service.check_settings(), level)


def test_a_stream_shared_with_the_broker_or_without_a_password_is_named(
    settings: LazySettings,
) -> None:
    settings.BROKER_URL = settings.REDIS_URL
    assert "share one Redis" in texts(servers.check_broker(), Level.DOUBTFUL)
    settings.REDIS_URL = "redis://stream.internal:6379/0"
    assert "REDIS_URL has no password" in texts(servers.check_stream(), Level.DOUBTFUL)


def test_a_key_that_is_missing_in_the_mirror_is_counted(project: TestProject) -> None:
    key = project.row.keys.first()
    assert key
    stream_client().delete(api_key_key(key.digest))

    assert "1 of 3 API keys are not in the mirror" in texts(service.check_keys(), Level.WRONG)

    stream_client().delete(api_keys_complete_key())
    stream_client().set(api_key_key(key.digest), "{}")
    assert "not marked whole" in texts(service.check_keys(), Level.DOUBTFUL)


def test_absent_processes_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_SILENT_SECONDS", -1)
    sightings.note_verified(drift_tables=2)

    found = texts(service.check_processes(), Level.WRONG)

    assert "the last sign of a worker" in found
    assert "the last sign of a beat" in found
    assert "2 tables of rollups differ" in found


def test_a_migration_that_is_missing_is_named() -> None:
    recorded = collection("django_migrations")
    row = recorded.find_one_and_delete({"app": "upkeep"})
    assert row
    try:
        assert f"upkeep.{row['name']}" in texts(service.check_migrations(), Level.WRONG)
    finally:
        recorded.insert_one(row)


def test_what_waits_and_what_was_buried_is_told(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept_poison(project)
    drain(0)
    ingest.post("/event", {"path": "/a"})
    monkeypatch.setattr(service, "MAX_LAG_SECONDS", -1)

    found = texts(service.check_waiting(), Level.DOUBTFUL)

    assert "1 events wait" in found
    assert "1 dead letters" in found
