"""`python -m local.run`: the whole service on this machine until it is interrupted.

Environment, or `.env`: PORT (8000), DATA_DIR (.local), COLUMNS_URL, EXPORTS_DIR and QUERY_TEMP_DIR
(all in DATA_DIR), and REDIS_URL, BROKER_URL, CACHE_URL, MONGO_URI to use servers of one's own
instead of embedded ones.
"""

import http.client
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from local.dotenv import read_dotenv
from local.guards import (
    RunError,
    StopRequested,
    StopSignals,
    lock_directory,
    read_port,
    require_port,
)
from local.process.supervisor import Program, Supervisor, log, stop_programs
from local.servers.binaries import MissingBinaryError
from local.servers.server import START_TIMEOUT_SECONDS, ServerStartError
from local.servers.starting import StartingServers, plan_servers
from local.setup.credentials import Secrets, write_private_json
from local.setup.database import CommandFailed, Preparation
from local.welcome import print_welcome

REPOSITORY = Path(__file__).resolve().parent.parent
READY_TIMEOUT_SECONDS = 90.0
MOST_DEATHS_BEFORE_READY = 5
PROGRAM_GRACE_SECONDS = 20.0  # the worker finishes its batch
POLL_SECONDS = 0.2
READY_POLL_SECONDS = 0.05


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
    servers, addresses = plan_servers(data_directory, os.environ)
    preparing = data_directory / "preparing"
    preparing.touch()
    environment = build_environment(port, secrets, preparing) | addresses
    environment |= choose_folders(data_directory, os.environ)
    starting = StartingServers(servers, cleanups)
    web, worker = programs = build_programs(environment)
    cleanups.callback(stop_programs, programs, PROGRAM_GRACE_SECONDS)
    cleanups.callback(log, "stopping; once more to kill")
    wait_seconds = START_TIMEOUT_SECONDS if servers else 0
    preparation = Preparation(REPOSITORY, environment, secrets, wait_seconds)
    cleanups.callback(preparation.stop)
    supervisor.start(web)

    def check() -> None:
        stop_signals.raise_if_requested()
        supervisor.check()

    starting.finish(supervisor, check)
    log("preparing the database")
    preparation.finish(check)
    preparing.unlink(missing_ok=True)
    wait_until_ok(port, "/healthz", supervisor, check)
    supervisor.start(worker)  # not sooner: it would take the processor from what is waited for
    wait_until_ok(port, "/readyz?for=reporting", supervisor, check)

    credentials = build_credentials(port, secrets, environment)
    write_private_json(data_directory / "credentials.json", credentials)
    print_welcome(credentials, data_directory / "credentials.json")
    while True:
        check()
        time.sleep(POLL_SECONDS)


def build_environment(port: int, secrets: Secrets, preparing: Path) -> dict[str, str]:
    """Of the programs. The web processes load what they need, and serve when the file is gone."""
    return {
        **os.environ,
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        "SECRET_KEY": secrets["secretKey"],
        "WORKER_BEAT": "true",
        "ANALYTICS_PREPARING": str(preparing),
    }


def choose_folders(data_directory: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Where the columns and exports are, and what a question keeps while it is answered."""
    folders = {
        "COLUMNS_URL": "columns",
        "EXPORTS_DIR": "exports",
        "IMPORTS_DIR": "imports",
        "QUERY_TEMP_DIR": "query-temp",
    }
    return {
        name: environment.get(name) or str(data_directory / folder)
        for name, folder in folders.items()
    }


def build_credentials(
    port: int, secrets: Secrets, environment: Mapping[str, str]
) -> dict[str, str]:
    return {
        "url": f"http://127.0.0.1:{port}",
        "ingestKey": secrets["ingestKey"],
        "readKey": secrets["readKey"],
        "publicKey": secrets["publicKey"],
        "adminUser": secrets["adminUser"],
        "adminPassword": secrets["adminPassword"],
        "redisUrl": environment["REDIS_URL"],
        "brokerUrl": environment["BROKER_URL"],
        "cacheUrl": environment["CACHE_URL"],
        "mongoUri": environment["MONGO_URI"],
        "columnsUrl": environment["COLUMNS_URL"],
        "exportsDir": environment["EXPORTS_DIR"],
        "importsDir": environment["IMPORTS_DIR"],
    }


def build_programs(environment: dict[str, str]) -> list[Program]:
    """The web processes, the worker, and beat where it is not in the worker."""
    commands = {
        "web": ["gunicorn", "-c", "config/gunicorn.py", "config.wsgi"],
        "worker": ["config.worker"],
    }
    if environment.get("WORKER_BEAT") != "true":
        commands["beat"] = ["celery", "--quiet", "-A", "config", "beat", "--pidfile="]
    return [
        Program(name, [sys.executable, "-m", *command], REPOSITORY, environment)
        for name, command in commands.items()
    ]


def wait_until_ok(port: int, path: str, supervisor: Supervisor, check: Callable[[], None]) -> None:
    """Returns when the service answers 200 there; calls `check` meanwhile. Raises RunError."""
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while not is_ok(port, path):
        check()
        if supervisor.count_deaths() >= MOST_DEATHS_BEFORE_READY or time.monotonic() > deadline:
            raise RunError("The service did not become ready; the reason is in the lines above.")
        time.sleep(READY_POLL_SECONDS)


def is_ok(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
