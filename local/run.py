"""`python -m local.run`: the whole service on this machine until it is interrupted.

Environment, or `.env`: PORT (8000), DATA_DIR (.local), WEB_CONCURRENCY and WORKER_CONCURRENCY (2),
REPORT_CONCURRENCY (1), and REDIS_URL, BROKER_URL, CACHE_URL, MONGO_URI to use servers of one's own
instead of embedded ones.
"""

import http.client
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from local.binaries import MissingBinaryError
from local.credentials import Secrets, write_private_json
from local.dotenv import read_dotenv
from local.guards import (
    RunError,
    StopRequested,
    StopSignals,
    lock_directory,
    read_port,
    require_port,
)
from local.server import Server, ServerStartError
from local.servers import MongoServer, RedisServer
from local.setup import CommandFailed, prepare_database
from local.supervisor import Program, Supervisor, log, stop_programs

REPOSITORY = Path(__file__).resolve().parent.parent
READY_TIMEOUT_SECONDS = 90.0
MOST_DEATHS_BEFORE_READY = 5
PROGRAM_GRACE_SECONDS = 20.0  # the worker finishes its batch
POLL_SECONDS = 0.2


def main() -> int:
    stop_signals = StopSignals()
    read_dotenv()
    try:
        data_directory = Path(os.environ.get("DATA_DIR") or REPOSITORY / ".local").absolute()
        port = read_port(os.environ.get("PORT") or "8000")
        with lock_directory(data_directory), ExitStack() as cleanups:
            require_port(port)
            run(data_directory, port, stop_signals, cleanups)
    except StopRequested:
        log("stopped; the data is kept")
        return 0
    except (RunError, CommandFailed, MissingBinaryError, ServerStartError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def run(data_directory: Path, port: int, stop_signals: StopSignals, cleanups: ExitStack) -> None:
    """Starts everything and watches it; what it started is stopped by the clean-ups."""
    secrets = Secrets(data_directory / "secrets.json", os.environ)
    supervisor = Supervisor()
    environment = {
        **os.environ,
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        "SECRET_KEY": secrets["secretKey"],
        "WEB_CONCURRENCY": os.environ.get("WEB_CONCURRENCY") or "2",
        "WORKER_CONCURRENCY": os.environ.get("WORKER_CONCURRENCY") or "2",
        **start_servers(data_directory, supervisor, stop_signals, cleanups),
    }
    log("preparing the database")
    prepare_database(REPOSITORY, environment, secrets, stop_signals.raise_if_requested)

    programs = build_programs(environment)
    cleanups.callback(stop_programs, programs, PROGRAM_GRACE_SECONDS)
    cleanups.callback(log, "stopping; once more to kill")
    for program in programs:
        supervisor.start(program)
    wait_until_ready(port, supervisor, stop_signals)

    url = f"http://127.0.0.1:{port}"
    credentials = {
        "url": url,
        "ingestKey": secrets["ingestKey"],
        "readKey": secrets["readKey"],
        "adminUser": secrets["adminUser"],
        "adminPassword": secrets["adminPassword"],
        "redisUrl": environment["REDIS_URL"],
        "brokerUrl": environment["BROKER_URL"],
        "cacheUrl": environment["CACHE_URL"],
        "mongoUri": environment["MONGO_URI"],
    }
    write_private_json(data_directory / "credentials.json", credentials)
    print_welcome(credentials, data_directory / "credentials.json")
    while True:
        stop_signals.raise_if_requested()
        supervisor.check()
        time.sleep(POLL_SECONDS)


def start_servers(
    data_directory: Path, supervisor: Supervisor, stop_signals: StopSignals, cleanups: ExitStack
) -> dict[str, str]:
    """Starts the servers that the environment does not name; returns the addresses of all."""

    def start(server: Server) -> None:
        stop_signals.raise_if_requested()
        log(f"starting {server.name}")
        supervisor.start(server)
        cleanups.callback(server.stop)

    given = {
        name: os.environ[name]
        for name in ("REDIS_URL", "BROKER_URL", "CACHE_URL", "MONGO_URI")
        if os.environ.get(name)
    }
    addresses: dict[str, str] = {}
    if "REDIS_URL" not in given:
        stream = RedisServer(data_directory / "redis-stream")
        start(stream)
        addresses["REDIS_URL"] = stream.url
    if not {"BROKER_URL", "CACHE_URL"} <= given.keys():
        broker = RedisServer(data_directory / "redis-broker", kind="broker")
        start(broker)
        addresses |= {"BROKER_URL": broker.url_for(0), "CACHE_URL": broker.url_for(1)}
    if "MONGO_URI" not in given:
        mongo = MongoServer(data_directory / "mongo")
        start(mongo)
        addresses["MONGO_URI"] = mongo.uri
    return {**addresses, **given}


def build_programs(environment: dict[str, str]) -> list[Program]:
    commands = {
        "web": ["gunicorn", "-c", "config/gunicorn.py", "config.wsgi"],
        "worker": ["celery", "--quiet", "-A", "config", "worker"],
        "beat": ["celery", "--quiet", "-A", "config", "beat", "--pidfile="],
    }
    return [
        Program(name, [sys.executable, "-m", *command], REPOSITORY, environment)
        for name, command in commands.items()
    ]


def wait_until_ready(port: int, supervisor: Supervisor, stop_signals: StopSignals) -> None:
    """Returns when the service answers reports. Raises RunError, StopRequested."""
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while not is_ready(port):
        stop_signals.raise_if_requested()
        supervisor.check()
        if supervisor.count_deaths() >= MOST_DEATHS_BEFORE_READY or time.monotonic() > deadline:
            raise RunError("The service did not become ready; the reason is in the lines above.")
        time.sleep(POLL_SECONDS)


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz?for=reporting")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def print_welcome(credentials: dict[str, str], file: Path) -> None:
    body = (
        '{"eventId":"e9f6c2b3-12a1-4a9b-8baf-1d2a3b4c5d6e","userId":"user_123",'
        '"path":"/product/42"}'
    )
    url = credentials["url"]
    print(
        f"""
The service is running. Interrupt with Ctrl-C; the data stays in {file.parent}.

Admin: {url}/admin/ (user {credentials["adminUser"]}, password in {file})

One event in:
curl -s -X POST {url}/event -H "Authorization: Bearer {credentials["ingestKey"]}" \
-H "Content-Type: application/json" -d '{body}'

The stats out:
curl -s "{url}/stats?limit=5" -H "Authorization: Bearer {credentials["readKey"]}"

The books, from another terminal: make manage ARGS=ledger
A load that proves them: make loadtest
""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
