"""Restore a backup into fresh servers: the same answers, and books that say what is missing."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from analytics.databases import mongo
from analytics.databases.redis_clients import stream_client
from ingestion.drain.loop import drain
from local.servers.mongo_server import MongoServer
from local.servers.redis_server import RedisServer
from tests.conftest import Api, TestProject
from tests.poison import accept_poison
from tests.servers_plugin import Servers
from tests.service import REPOSITORY, Gunicorn

pytestmark = pytest.mark.slow

QUESTIONS = (
    "/stats",
    "/stats?exact=true&groupBy=userId",
    "/stats/breakdown?by=path&limit=100",
    "/stats/breakdown?by=event",
)
BETWEEN = 20
AFTER = 10


def send(ingest: Api, name: str, events: int) -> list[str]:
    ids = [f"{name}-{n}" for n in range(events)]
    body = [{"path": f"/{n % 9}", "userId": f"u{n % 30}", "eventId": i} for n, i in enumerate(ids)]
    assert ingest.post("/events", body).status_code == 202
    return ids


def copy_stream(server: RedisServer, target: Path) -> None:
    """As docs/backup.md has it: a folder that no rewrite may change under way, or one file."""
    target.mkdir()
    if not (folder := server.directory / "appendonlydir").exists():
        shutil.copy(server.directory / "appendonly.aof", target)
        return
    client = stream_client()
    client.config_set("auto-aof-rewrite-percentage", 0)
    while client.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.1)
    shutil.copytree(folder, target / folder.name)
    client.config_set("auto-aof-rewrite-percentage", 100)


def copy_store(server: MongoServer, target: Path) -> None:
    """While the files are locked nothing is written, and the journal is among them."""
    admin = mongo.client().admin
    admin.command("fsync", lock=True)
    try:
        shutil.copytree(
            server.directory / "data",
            target / "data",
            ignore=shutil.ignore_patterns("mongod.lock", "diagnostic.data"),
        )
    finally:
        admin.command("fsyncUnlock")


@dataclass(frozen=True)
class Restored:
    """Fresh servers on the copies, and what the service said when the copies were made."""

    environment: dict[str, str]
    project: TestProject
    live: Servers
    answers: dict[str, Any]
    receipts: dict[str, str]

    def manage(self, *arguments: str, **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=REPOSITORY, env={**self.environment, **environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr


def ask(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what differs from one reading to the next."""
    return {name: value for name, value in answer.items() if name not in ("meta", "start", "end")}


def read_difference(books: str) -> int:
    """Of the one line that does not balance."""
    header, line, *_ = books.splitlines()
    return int(line.split()[header.split().index("difference")])


@pytest.fixture
def restored(
    servers: Servers, project: TestProject, ingest: Api, read: Api, tmp_path: Path
) -> Iterator[Restored]:
    """Traffic goes on around the copies: the stream's is made first, MongoDB's second."""
    stored = send(ingest, "stored", 300)
    accept_poison(project)
    drain(0)
    send(ingest, "stored", 40)  # for the second time
    waiting = send(ingest, "waiting", 50)
    copy_stream(servers.stream, tmp_path / "stream")
    between = send(ingest, "between", BETWEEN)
    drain(0)
    copy_store(servers.mongo, tmp_path / "mongo")
    answers = {question: ask(read.get(question).json()) for question in QUESTIONS}
    after = send(ingest, "after", AFTER)
    drain(0)

    with (
        RedisServer(tmp_path / "stream") as stream,
        MongoServer(tmp_path / "mongo") as store,
    ):
        environment = {**os.environ, "REDIS_URL": stream.url, "MONGO_URI": store.uri}
        states = dict.fromkeys([stored[0], waiting[0], between[0]], "stored")
        yield Restored(environment, project, servers, answers, states | {after[0]: "unknown"})


def test_a_restored_service_gives_the_same_answers_and_knows_what_is_missing(
    restored: Restored, tmp_path: Path
) -> None:
    status, output = restored.manage("migrate", "--verbosity", "0")
    assert status == 0, output
    service = Gunicorn(tmp_path / "gunicorn.log", restored.environment)
    service.start()
    key = restored.project.read_key
    try:
        for question, answer in restored.answers.items():
            assert ask(service.request("GET", question, key=key).json()) == answer
        for event_id, state in restored.receipts.items():
            receipt = service.request("GET", f"/event/{event_id}", key=key).json()
            assert receipt["state"] == state
        new = service.request(
            "POST", "/event", b'{"path": "/new"}', key=restored.project.ingest_key
        )
        assert new.status == 202
    finally:
        service.stop()

    # What waits in the old stream is stored already, each event under its own place.
    assert restored.manage("drain") == (0, "partition 0: 1 stored, 0 duplicates, 0 dead\n")
    assert restored.manage("verify_rollups")[0] == 0
    # Accepted between the two copies and stored: the old stream's counter does not know of them.
    status, output = restored.manage("ledger", "--check", "--wait", "1")
    assert status == 1
    assert read_difference(output) == -BETWEEN
    # The other way round, an older store beside the living stream: what is gone is named.
    living = restored.live.stream.url
    status, output = restored.manage("ledger", "--check", "--wait", "1", REDIS_URL=living)
    assert status == 1
    assert read_difference(output) == AFTER - 1  # less the new event, which that stream never saw
