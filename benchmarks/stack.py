"""The servers and processes of one benchmark: ours, and the reference's."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local.process.child import Child
from local.process.ports import find_free_port
from local.servers.mongo_server import MongoServer
from local.servers.redis_server import RedisServer

ROOT = Path(__file__).parent.parent
REFERENCE = Path(__file__).parent / "reference"
GIBIBYTE = 1024**3
REFERENCE_KEY = "reference-key-of-the-benchmark"


@dataclass
class Stack:
    """Real servers of our own and, where Node is installed, the same kind for the reference."""

    folder: Path
    stream: RedisServer
    broker: RedisServer
    mongo: MongoServer
    reference_redis: RedisServer | None
    ingest_key: str = ""
    read_key: str = ""
    public_key: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    _exits: ExitStack = field(default_factory=ExitStack)

    @property
    def has_reference(self) -> bool:
        return self.reference_redis is not None

    def start(self, command: list[str], name: str, **environment: str) -> Child:
        """A process that ends with the stack, its output in a file."""
        log = self._exits.enter_context((self.folder / f"{name}.log").open("ab"))
        child = Child(
            command,
            directory=ROOT,
            environment={**self.environment, **environment},
            stdout=log,
            stderr=log,
        )
        self._exits.callback(child.stop, 15)
        return child

    def start_web(self, processes: int = 1) -> tuple[Child, str]:
        """gunicorn; returns the process and its URL."""
        port = find_free_port()
        child = self.start(
            [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi"],
            "web",
            PORT=str(port),
            WEB_CONCURRENCY=str(processes),
        )
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/readyz?for=reporting")  # both kinds of its processes are up
        return child, url

    def start_worker(self, processes: int = 1, *, beat: bool = True) -> Child:
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-c", str(processes)]
        child = self.start(
            [*command, "-Q", "drain,maintenance", "--loglevel", "error"],
            "worker",
            WORKER_CONCURRENCY=str(processes),
        )
        if beat:
            self.start_beat()
        return child

    def start_beat(self) -> Child:
        return self.start([sys.executable, "-m", "celery", "-A", "config", "beat"], "beat")

    @contextmanager
    def running_worker(self, processes: int = 1, *, beat: bool = True) -> Iterator[Child]:
        """The worker, with beat or without, for as long as the context lasts."""
        worker = self.start_worker(processes, beat=False)
        clock = self.start_beat() if beat else None
        try:
            yield worker
        finally:
            if clock:
                clock.stop(10)
            worker.stop(20)

    def start_reference(self, script: str, processes: int = 1) -> str:
        """The reference's ingest.js or report.js; returns its URL."""
        port = find_free_port()
        self._start_node(
            script, PORT=str(port), WORKERS=str(processes), AUTH="1", API_KEY=REFERENCE_KEY
        )
        return f"http://127.0.0.1:{port}"

    def start_reference_worker(self, **environment: str) -> Child:
        return self._start_node("worker.js", **environment)

    def _start_node(self, script: str, **environment: str) -> Child:
        assert self.reference_redis
        return self.start(
            ["node", str(REFERENCE / script)],
            f"reference-{script}",
            NODE_ENV="production",
            REDIS_URL=self.reference_redis.url,
            MONGO_URI=self.mongo.uri_for("reference"),
            **environment,
        )


def wait_for(url: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def install_reference() -> bool:
    """Whether the reference can run here: Node is installed, and its packages are or can be."""
    if not shutil.which("node") or not shutil.which("npm"):
        print("Node is not installed: our side only.", file=sys.stderr)
        return False
    if not (REFERENCE / "node_modules").is_dir():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=REFERENCE, check=True)
    return True


@contextmanager
def open_stack(*, reference: bool = True, kept: Path | None = None) -> Iterator[Stack]:
    """Servers of their own, migrated, with a project and its keys.

    Everything is gone afterwards, except what is in the folder `kept`, which a later stack finds.
    """
    with ExitStack() as exits:
        folder = kept or Path(
            exits.enter_context(tempfile.TemporaryDirectory(prefix="analytics-bench-"))
        )
        folder.mkdir(parents=True, exist_ok=True)
        stream = exits.enter_context(RedisServer(folder / "stream", maxmemory_bytes=6 * GIBIBYTE))
        broker = exits.enter_context(RedisServer(folder / "broker", kind="broker"))
        mongo = exits.enter_context(MongoServer(folder / "mongo"))
        theirs = None
        if reference and install_reference():
            theirs = exits.enter_context(
                RedisServer(folder / "reference", maxmemory_bytes=6 * GIBIBYTE)
            )
        stack = Stack(folder, stream, broker, mongo, theirs)
        stack.environment = {
            **os.environ,
            "SECRET_KEY": "secret-of-the-benchmarks-0123456789-0123456789-0123456789",
            "ADMIN_PASSWORD": "benchmark-password",
            "REDIS_URL": stream.url,
            "BROKER_URL": broker.url,
            "CACHE_URL": broker.url_for(1),
            "MONGO_URI": mongo.uri,
            "COLUMNS_URL": str(folder / "columns"),
            "EXPORTS_DIR": str(folder / "exports"),
            "QUERY_TEMP_DIR": str(folder / "query"),
            "LOG_LEVEL": "error",
            "STREAM_MAX_EVENTS": "100000000",
            "REPORTING_RATE": "1000000/m",
            "PUBLIC_RATE": "1000000/s",
        }
        run_manage(stack, "migrate", "--verbosity", "0")
        exits.enter_context(stack._exits)
        keys_file = folder / "keys.json"
        if keys_file.exists():
            keys = json.loads(keys_file.read_text())
            stack.environment |= {"INGEST_KEY": keys["ingestKey"], "READ_KEY": keys["readKey"]}
        keys = json.loads(run_manage(stack, "setup_local").splitlines()[-1])
        keys_file.write_text(json.dumps(keys))
        lift_limits = (
            "from analytics.projects.models import ApiKey\n"
            "for key in ApiKey.objects.all():\n"
            "    key.rate_events_per_second = key.burst_events = 1_000_000\n"
            "    key.save()\n"
        )
        run_manage(stack, "shell", "--no-imports", "-c", lift_limits)
        stack.ingest_key, stack.read_key = keys["ingestKey"], keys["readKey"]
        stack.public_key = keys["publicKey"]
        yield stack


def run_manage(stack: Stack, *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"manage.py {arguments[0]} failed:\n{done.stderr}")
    return done.stdout
