"""What the containers run on real stores without an engine: the set-up and the health checks."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
import yaml

from local import container
from local.servers.mongo_server import MongoServer
from local.setup.stores import StoreNotReady, initiate_replica_set, wait_for_stores
from tests.paths import ROOT
from tests.servers_plugin import Servers
from tests.service import Gunicorn
from tests.workers import celery_worker, wait_until

pytest_plugins = ("tests.service",)

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
UNREACHABLE = "127.0.0.1:9"  # discard, which nothing serves


class BareMongo(MongoServer):
    """A member of a replica set that nobody has made yet."""

    def _is_ready(self, port: int) -> bool:
        with pymongo.MongoClient[dict[str, Any]](
            "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=1_000
        ) as client:
            try:
                return bool(client.admin.command("ping")["ok"])
            except pymongo.errors.PyMongoError:
                return False


@pytest.fixture
def bare_mongo(tmp_path: Path) -> Iterator[BareMongo]:
    with BareMongo(tmp_path / "mongo") as server:
        yield server


def is_healthy(command: list[str], **environment: str) -> bool:
    """As the engine asks."""
    if command[0] == "CMD-SHELL":
        command = ["CMD", "sh", "-c", command[1]]
    return not subprocess.run(
        command[1:], env={**os.environ, **environment}, stderr=subprocess.DEVNULL, timeout=30
    ).returncode


def check_of(name: str) -> list[str]:
    """With the `$` as the container sees it."""
    return [part.replace("$$", "$") for part in SERVICES[name]["healthcheck"]["test"]]


def is_mongo_healthy(port: int) -> bool:
    return is_healthy([part.replace("27017", str(port)) for part in check_of("mongo")])


def ask_replica_set(server: MongoServer) -> dict[str, Any]:
    with pymongo.MongoClient[dict[str, Any]](
        "127.0.0.1", server.port, directConnection=True
    ) as client:
        found: dict[str, Any] = client.admin.command("replSetGetConfig")["config"]
        return found


@pytest.mark.slow
def test_the_set_up_makes_the_replica_set_once_and_waits_for_its_primary(
    bare_mongo: BareMongo,
) -> None:
    member = f"127.0.0.1:{bare_mongo.port}"
    assert not is_mongo_healthy(bare_mongo.port)

    wait_for_stores({"MONGO_URI": bare_mongo.uri}, member)

    assert is_mongo_healthy(bare_mongo.port)
    made = ask_replica_set(bare_mongo)
    assert [one["host"] for one in made["members"]] == [member]
    # Also under another name: the set is the user's own by now.
    initiate_replica_set(f"localhost:{bare_mongo.port}")
    assert ask_replica_set(bare_mongo) == made


@pytest.mark.slow
def test_a_mongod_that_hangs_or_is_gone_is_not_healthy(bare_mongo: BareMongo) -> None:
    wait_for_stores({"MONGO_URI": bare_mongo.uri}, f"127.0.0.1:{bare_mongo.port}")
    assert bare_mongo.pid
    os.kill(bare_mongo.pid, signal.SIGSTOP)
    try:
        assert not is_mongo_healthy(bare_mongo.port)
    finally:
        os.kill(bare_mongo.pid, signal.SIGCONT)
    bare_mongo.kill()
    assert not is_mongo_healthy(bare_mongo.port)


def test_stores_that_answer_are_not_waited_for(servers: Servers) -> None:
    names = ("REDIS_URL", "BROKER_URL", "CACHE_URL", "MONGO_URI")
    wait_for_stores({name: os.environ[name] for name in names}, patience_seconds=30)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("REDIS_URL", f"redis://:hidden@{UNREACHABLE}/0"),
        ("BROKER_URL", f"redis://:hidden@{UNREACHABLE}/0"),
        ("REDIS_URL", "http://hidden@nowhere"),
        ("MONGO_URI", "mongodb://me:hidden@127.0.0.1:1/a?replicaSet=rs0&timeoutMS=100"),
        ("MONGO_URI", "mongodb://me:hidden@/a"),
    ],
)
def test_a_store_that_does_not_answer_is_named_without_its_password(name: str, url: str) -> None:
    with pytest.raises(StoreNotReady, match=name) as caught:
        wait_for_stores({name: url}, patience_seconds=0)
    assert "hidden" not in str(caught.value)


def test_the_secret_key_is_all_that_leaves_the_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for directory in ("secrets", "environment"):
        (tmp_path / directory).mkdir()
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.setenv("ENVIRONMENT_DIR", str(tmp_path / "environment"))
    monkeypatch.delenv("SECRET_KEY")
    monkeypatch.setattr(sys, "argv", ["container", "mongo:27017"])
    waited: list[str] = []
    monkeypatch.setattr(container, "wait_for_stores", lambda _, member: waited.append(member))
    monkeypatch.setattr(
        container,
        "prepare_database",
        lambda _, __, secrets, **___: secrets.save(
            ingestKey="i", readKey="r", publicKey="p", adminUser="a"
        ),
    )

    assert container.main() == 0
    assert container.main() == 0

    kept = json.loads((tmp_path / "secrets/secrets.json").read_text())
    [shared] = (tmp_path / "environment").iterdir()
    assert shared.read_text() == f"SECRET_KEY={kept['secretKey']}\n"
    assert shared.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in (tmp_path / "secrets").iterdir()] == ["secrets.json"]
    assert capsys.readouterr().out.count(kept["adminPassword"]) == 1
    assert waited == ["mongo:27017"] * 2


@pytest.mark.slow
def test_a_worker_is_healthy_while_its_main_loop_turns(
    servers: Servers, django_db_setup: None, tmp_path: Path
) -> None:
    heartbeat = tmp_path / "worker.heartbeat"

    def is_worker_healthy() -> bool:
        return is_healthy(check_of("worker"), WORKER_HEARTBEAT_FILE=str(heartbeat))

    assert not is_worker_healthy()
    with celery_worker(tmp_path, WORKER_HEARTBEAT_FILE=str(heartbeat)):
        wait_until(heartbeat.exists, 60, "the first heartbeat")
        first = heartbeat.stat().st_mtime
        wait_until(lambda: heartbeat.stat().st_mtime > first, 30, "another heartbeat")
        assert is_worker_healthy()
    two_minutes_ago = time.time() - 120
    os.utime(heartbeat, (two_minutes_ago, two_minutes_ago))
    assert not is_worker_healthy()


@pytest.mark.slow
def test_a_web_process_is_healthy_while_it_answers(
    servers: Servers, django_db_setup: None, tmp_path: Path
) -> None:
    [text] = re.findall(r"HEALTHCHECK [^[]+CMD (\[.+\])", (ROOT / "Dockerfile").read_text())
    command = ["CMD", *json.loads(text)]
    # Names and TLS are for those who come from outside.
    server = Gunicorn(tmp_path / "web.log", {"ALLOWED_HOSTS": "example.com", "HTTPS_ONLY": "true"})
    server.start()
    try:
        assert is_healthy(command, PORT=str(server.port))
    finally:
        server.stop()
    assert not is_healthy(command, PORT=str(server.port))
