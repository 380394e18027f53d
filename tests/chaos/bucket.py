"""The columns of the whole service in a bucket for a while, and who is in it and in caches."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.test import override_settings

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.remembered import forget_everything
from columns.files.folder import MARKER
from local.process.ports import LOOPBACK, find_free_port
from local.run import is_ok
from tests.chaos.faults.proxy import Proxy
from tests.chaos.system import START_SECONDS, System, stop, wait_for
from tests.columns.buckets.store import Bucket, ObjectStore, make_bucket
from tests.columns.folders import columns_root

OF_COLUMNS = (
    mongo.COLUMN_FRESH, mongo.COLUMN_GARBAGE, mongo.COLUMN_HEADS, mongo.COLUMN_LEASES,
    mongo.COLUMN_PINS, mongo.COLUMN_SEGMENTS, mongo.COLUMN_STORE, mongo.COLUMN_VEILS,
)  # fmt: skip


@dataclass(frozen=True)
class Store:
    """The bucket, the way to it that the service has, and the caches of hosts."""

    bucket: Bucket
    proxy: Proxy
    hosts: Path

    def cache(self, host: str) -> Path:
        return self.hosts / host

    def empty_caches(self) -> None:
        for found in self.hosts.glob("*/*/"):
            shutil.rmtree(found, ignore_errors=True)

    @contextmanager
    def failing(self, **fault: Any) -> Iterator[None]:
        """As `Bucket.fail`, until the end."""
        self.bucket.fail(**fault)
        try:
            yield
        finally:
            self.bucket.fail()

    @contextmanager
    def of_another_deployment(self) -> Iterator[None]:
        ours = self.bucket.read(MARKER)
        self.bucket.write(MARKER, b'{"deployment": "another", "format": 1}')
        try:
            yield
        finally:
            self.bucket.write(MARKER, ours)

    def find_holding(self, user_id: str) -> list[str]:
        """Of the objects their names, and of all caches the paths, that have events of a user."""
        found = []
        for name in self.bucket.names():
            copy = self.hosts / "looked-at.parquet"
            with suppress(FileNotFoundError):  # it was deleted at this moment
                copy.write_bytes(self.bucket.read(name))
                found += [name] * holds(copy, user_id)
        copies = self.hosts.glob("*/*/*.parquet")
        return found + [str(path) for path in copies if holds(path, user_id)]


def holds(path: Path, user_id: str) -> bool:
    question = 'SELECT count(*) FROM read_parquet(?) WHERE "userId" = ?'
    with duckdb.connect() as engine:
        try:
            found = engine.execute(question, [str(path), user_id]).fetchone()
        except duckdb.IOException:
            if path.exists():
                raise
            return False  # it was swept at this moment
    return found != (0,)


@contextmanager
def moved_to_a_bucket(system: System, object_store: ObjectStore, hosts: Path) -> Iterator[Store]:
    """Nothing is in columns then, nor at the end. Web processes have the cache "web"."""
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(object_store.port))
        store = Store(make_bucket(object_store), proxy, hosts)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in object_store.environment.items():
            patch.setenv(name, value)
        changed = {
            **object_store.environment,
            "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{proxy.port}",
            "COLUMNS_URL": store.bucket.url,
            "COLUMNS_CACHE_DIR": str(store.cache("web")),
        }
        stack.callback(forget_columns)
        stack.enter_context(system.changed(**changed))
        forget_columns()
        ours = {"COLUMNS_URL": store.bucket.url, "COLUMNS_CACHE_DIR": store.cache("tests")}
        stack.enter_context(override_settings(**ours))
        forget_everything()
        yield store


def forget_columns() -> None:
    """Nobody asks about earlier trials any more."""
    shutil.rmtree(columns_root(), ignore_errors=True)
    for name in OF_COLUMNS:
        collection(name).delete_many({})
    forget_everything()


@contextmanager
def second_host(system: System, store: Store) -> Iterator[int]:
    """Another host that answers, with the cache "second"; its port."""
    port = find_free_port()
    cache = str(store.cache("second"))
    program = system.build_program("web", PORT=str(port), COLUMNS_CACHE_DIR=cache)
    program.start()
    try:
        ready = "/readyz?for=reporting"
        wait_for(lambda: is_ok(port, ready), START_SECONDS, "the second host is ready")
        yield port
    finally:
        stop(program)
