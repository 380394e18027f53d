"""Fixtures: real servers, a project of its own for each test, and the books at its end."""

import gc
import shutil
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django_ratelimit import core as ratelimit
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern
from pytest_django.plugin import DjangoDbBlocker
from whitenoise.middleware import WhiteNoiseMiddleware

from analytics.databases import mongo
from analytics.databases.mongo import database
from analytics.databases.redis_clients import broker_client, stream_client
from analytics.databases.redis_keys import (
    aliases_complete_key,
    api_keys_complete_key,
    origins_key,
)
from analytics.keys.records import SCOPES
from analytics.projects.models import ApiKey, Project
from analytics.projects.zones import begin_with, write_zones
from analytics.remembered import forget_everything
from tests.servers_plugin import Servers

# Making a user takes half a second with Django's own, and a test of the admin makes one.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

_list_static_files = WhiteNoiseMiddleware.add_files_from_finders
_static_files: dict[str, Any] = {}


def _list_static_files_once(middleware: WhiteNoiseMiddleware) -> None:
    """For all clients of a run: each would look at every file anew, longer than most tests take."""
    if not _static_files:
        _list_static_files(middleware)
        _static_files.update(middleware.files)
    middleware.files.update(_static_files)


WhiteNoiseMiddleware.add_files_from_finders = _list_static_files_once


def pytest_collection_finish() -> None:
    """What was collected stays: the collector of garbage need not look at it again and again."""
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class TestProject:
    """A project and the texts of its keys."""

    __test__ = False

    id: bytes
    row: Project
    ingest_key: str
    read_key: str
    admin_key: str


@pytest.fixture(scope="session")
def django_db_setup(servers: Servers, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One database for Django and for us: migrated once, never dropped by pytest-django."""
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        yield
        for connection in connections.all():
            connection.close_pool()  # type: ignore[attr-defined]
        mongo.client().close()
        stream_client().close()
        broker_client().close()


KEPT_COLLECTIONS = ("django_migrations", "django_content_type", "auth_permission")


@pytest.fixture
def store(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Empty Redis, MongoDB and columns, and a process that remembers nothing.

    Not pytest-django's `db`, which flushes every table after each test.
    """
    with django_db_blocker.unblock():
        stream_client().flushall()
        broker_client().flushall()
        empty_database()
        shutil.rmtree(settings.COLUMNS_URL, ignore_errors=True)
        shutil.rmtree(settings.EXPORTS_DIR, ignore_errors=True)
        shutil.rmtree(settings.IMPORTS_DIR, ignore_errors=True)
        forget_everything()
        yield
        forget_everything()


def empty_database() -> None:
    """Only the last write waits for the majority, and so for all before it."""
    for name in find_filled_collections():
        database().get_collection(name, write_concern=WriteConcern(w=1)).delete_many({})
    database()[mongo.SALTS].delete_many({})


def find_filled_collections() -> list[str]:
    """All in one question: to ask each collection takes longer than most tests."""

    def peek(name: str) -> list[dict[str, Any]]:
        return [{"$limit": 1}, {"$project": {"_id": {"$literal": name}}}]

    first, *others = sorted(set(database().list_collection_names()) - set(KEPT_COLLECTIONS))
    unions = [{"$unionWith": {"coll": name, "pipeline": peek(name)}} for name in others]
    collection = database().get_collection(first, read_concern=ReadConcern("local"))
    return [found["_id"] for found in collection.aggregate([*peek(first), *unions])]


def make_project(name: str = "Test", **fields: Any) -> TestProject:
    """As the admin does it, in fewer questions: many tests begin with this."""
    from analytics.projects.key_mirror import make_record, mirror_keys, write_records

    row = Project(name=name, **fields)
    if row.partition is None:
        row.partition = zlib.crc32(row.id_bytes) % settings.STREAM_PARTITIONS
    row.retention_applied_days = row.retention_days
    row.zones = write_zones(begin_with(row.time_zone))
    Project.objects.bulk_create([row])
    texts, keys = {}, []
    for scope in SCOPES:
        key = ApiKey(project=row, name=scope, scopes=[scope])
        texts[scope] = key.assign_secret()
        keys.append(key)
    ApiKey.objects.bulk_create(keys)
    if row.allowed_origins:
        mirror_keys()
    else:
        write_records(make_record(key, row) for key in keys)
        stream_client().set(origins_key(), "[]", nx=True)
        for complete in (api_keys_complete_key(), aliases_complete_key()):
            stream_client().set(complete, int(time.time()), nx=True)
    return TestProject(row.id_bytes, row, texts["ingest"], texts["read"], texts["admin"])


@pytest.fixture
def unending_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """No minute, hour or quarter of an hour ends in which attempts are counted."""
    begun, find_end = int(time.time()), ratelimit._get_window

    def find_later_end(value: str, period: int) -> int:
        return begun + period if period >= 60 else int(find_end(value, period))

    monkeypatch.setattr(ratelimit, "_get_window", find_later_end)


@pytest.fixture
def project(store: None) -> TestProject:
    return make_project()


@pytest.fixture
def other_project(project: TestProject) -> TestProject:
    return make_project("Other")


class Api:
    """The service's HTTP interface through Django's test client, as one key sees it."""

    def __init__(self, key: str) -> None:
        self._client = Client(headers={"authorization": f"Bearer {key}"})

    def post(self, path: str, body: Any, **extra: Any) -> Any:
        extra.setdefault("content_type", "application/json")
        return self._client.post(path, body, **extra)

    def get(self, path: str, **query: Any) -> Any:
        return self._client.get(path, query)


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from tests.columns.buckets.store import run_object_store  # few tests want moto

    with run_object_store(tmp_path_factory.mktemp("object-store") / "log") as running:
        yield running


@pytest.fixture
def bucket(
    store: None, object_store: Any, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """The folder of the columns is in a bucket, also for processes that the test starts."""
    from tests.columns.buckets.store import make_bucket

    made = make_bucket(object_store)
    cache = tmp_path / "columns-cache"
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS_URL", made.url)
    monkeypatch.setenv("COLUMNS_CACHE_DIR", str(cache))
    settings.COLUMNS_URL, settings.COLUMNS_CACHE_DIR = made.url, cache
    forget_everything()
    yield made
    made.fail()
    forget_everything()


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.nightly)])
def either_place(request: pytest.FixtureRequest) -> None:
    """The folder of the columns is on this machine; at night all is told of a bucket, too."""
    if request.param == "bucket":
        request.getfixturevalue("bucket")


@pytest.fixture
def ingest(project: TestProject) -> Api:
    return Api(project.ingest_key)


@pytest.fixture
def read(project: TestProject) -> Api:
    return Api(project.read_key)
