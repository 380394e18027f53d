"""gunicorn: gevent workers, forked from a master that has loaded what they need (`preloaded.py`).

With ROLE=all there are two kinds of them, one for accepting and one for everything else, on one
port (`ingestion/server/worker_kinds.py`).
"""

import gc
import importlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

from environ import Env

_FILE = Path(__file__).resolve().parent.parent / ".env"
_MANY = 1_000
_SMALL_MACHINE_CORES = 2


class _Environment(Env):  # type: ignore[misc]
    """Not `config.settings.environment`, whose package loads Celery: here nothing is patched yet.

    A copy, so that the workers that come after a reload read a changed file for themselves.
    """

    ENVIRON: ClassVar = dict(os.environ)


_environment = _Environment()
if _FILE.is_file():
    _environment.read_env(str(_FILE))


def _read_number(*names: str, default: int, most: int) -> int:
    """The first of the variables that is given."""
    for name in names:
        if text := _environment.str(name, default=""):
            if not text.isdecimal() or not 1 <= int(text) <= most:
                raise SystemExit(f"{name} must be a whole number from 1 to {most}, not {text!r}")
            return int(text)
    return default


_role = _environment.str("ROLE", default="") or "all"
# Those that this process may use; where there are few, more processes would only take memory.
_cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
_accepting = _read_number(
    "WEB_CONCURRENCY", default=1 if _cores <= _SMALL_MACHINE_CORES else 2, most=_MANY
)
_port = _read_number(
    "PORT", "REPORT_PORT" if _role == "reporting" else "INGEST_PORT", default=8_000, most=65_535
)
_reporting = _read_number("REPORT_CONCURRENCY", default=1, most=_MANY)
if _role != "all":
    _reporting = 0  # all workers serve what they serve themselves
bind = f"{_environment.str('BIND', default='127.0.0.1')}:{_port}"
# What makes the master give up instead of starting another worker.
_BOOT_FAILED = 3

worker_class = "ingestion.server.relay.worker.Worker"
workers = _accepting + _reporting
worker_connections = 2_000
backlog = 2_048
keepalive = 75
timeout = 30
graceful_timeout = 30
http_parser = "python"  # what one in C would make of a request is not what the other makes of it
limit_request_line = 8_190
limit_request_fields = 100
limit_request_field_size = 8_190
# Not even a proxy next door may rewrite a request: Django believes TRUSTED_PROXIES, and no other.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
control_socket_disable = True  # nobody asks it, and it would load asyncio
preload_app = False  # the application itself is made in each worker, by its kind
accesslog = None
errorlog = "-"
loglevel = "warning"


# Where the workers leave their counters; handed down by the environment, through reloads as well.
_METRICS = "ANALYTICS_METRICS_DIRECTORY"


def wait_until_prepared(worker: Any) -> None:
    """`make run` starts us while it still prepares the database; its file is gone after that."""
    preparing = os.environ.get("ANALYTICS_PREPARING")
    while preparing and os.path.exists(preparing) and worker.alive and worker.ppid == os.getppid():
        worker.notify()
        time.sleep(0.02)


def load_for_workers() -> None:
    """Import what the workers need; they share its memory. Raises what a wrong setting raises.

    The modules must find gevent's patches. The master does without those of processes and signals,
    which it has its own way with; each worker adds them (`ingestion/server/relay/worker.py`).
    """
    from gevent import monkey

    gc.disable()  # what is loaded stays
    monkey.patch_all(os=False, signal=False)
    importlib.import_module("config.preloaded")
    gc.collect()
    gc.freeze()  # whatever the collector touches is copied
    gc.enable()


def on_starting(server: Any) -> None:
    load_for_workers()
    from analytics.metrics.files import make_directory
    from ingestion.server.worker_kinds import WorkerKinds

    directory = make_directory()
    os.environ[_METRICS] = str(directory)
    server.kinds = WorkerKinds(server, directory)


def pre_fork(server: Any, worker: Any) -> None:
    server.kinds.choose(worker, _reporting)


def post_fork(server: Any, worker: Any) -> None:
    # Until gunicorn sets the worker's own it would have the master's, which note it for the master:
    # a stop at that moment would wait for a worker that does not know.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    server.kinds.settle(worker)
    if worker.relays:
        from config.relaying import leave_reports

        leave_reports(worker.address)


def nworkers_changed(server: Any, new: int, old: int | None) -> None:
    if old is not None:  # else it is the start
        server.kinds.keep_reporting(new, _reporting)


def child_exit(server: Any, worker: Any) -> None:
    server.kinds.note_exit()


def on_exit(server: Any) -> None:
    server.kinds.close()
    shutil.rmtree(os.environ[_METRICS], ignore_errors=True)


def worker_exit(server: Any, worker: Any) -> None:
    # Else it ends before it has counted anything.
    if "analytics.metrics.sharing" in sys.modules:
        sys.modules["analytics.metrics.sharing"].share_counters()
    if "analytics.keys.refusals" in sys.modules:
        sys.modules["analytics.keys.refusals"].flush_refusals()
    if "analytics.keys.samples" in sys.modules:
        sys.modules["analytics.keys.samples"].flush_samples()


def post_worker_init(worker: Any) -> None:
    """Check Redis, begin what a process does beside its requests."""
    from analytics.databases.stream_check import UnsafeStream, check_stream
    from analytics.keys import refusals, samples
    from analytics.metrics.sharing import begin_sharing  # Django is set up only now
    from analytics.metrics.tracing import start_tracing
    from ingestion.server.relay.presence import hold_presence

    wait_until_prepared(worker)
    begin_sharing(Path(os.environ[_METRICS]))
    start_tracing()
    refusals.begin_flushing()
    samples.begin_flushing()

    try:
        check_stream()
    except UnsafeStream as exc:
        worker.log.error(str(exc))
        sys.exit(_BOOT_FAILED)
    if worker.is_reporting or _role == "reporting":
        from reporting.columns.read.sweeping import begin_sweeping  # not where events are accepted
        from reporting.columns.read.warming import warm_up

        begin_sweeping()
        warm_up()
    if worker.is_reporting:
        hold_presence(worker.address)
    gc.freeze()  # with what the master froze; a collection would only copy memory that is shared
    gc.set_threshold(20_000, 50, 50)
