"""The Celery worker's counters: left by its children, served by itself on a port of its own."""

import os
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from time import perf_counter
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from celery.signals import (
    task_failure,
    task_postrun,
    task_prerun,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
)
from django.conf import settings

from analytics.metrics import names as metrics
from analytics.metrics.files import make_directory
from analytics.metrics.sharing import begin_sharing, render_counters, share_counters
from analytics.metrics.sightings import note_alive
from analytics.metrics.tracing import start_tracing
from analytics.probes.scraping import CONTENT_TYPE, require_scraper
from analytics.web.problems import Forbidden

log = structlog.get_logger(__name__)

_PATHS = ("/metrics", "/metrics/")
# A client that says nothing for so long is given up, and its thread with it.
IDLE_SECONDS = 10.0

_directory: Path | None = None
_owner = 0
_started: dict[str, float] = {}


@worker_init.connect
def make_worker_directory(**_: Any) -> None:
    """Before the children are forked, which find it by this module."""
    global _directory, _owner
    _directory, _owner = make_directory(), os.getpid()


@worker_process_init.connect
def share_from_child(**_: Any) -> None:
    if _directory:
        begin_sharing(_directory)
    start_tracing()


@worker_process_shutdown.connect
def share_at_the_end(**_: Any) -> None:
    share_counters()


@worker_ready.connect
def serve_metrics(**_: Any) -> None:
    """Serve `/metrics`; a port that is taken costs the metrics, not the worker."""
    if _directory is None or not settings.WORKER_METRICS_PORT:
        return
    begin_sharing(_directory)
    address = (settings.BIND, settings.WORKER_METRICS_PORT)
    try:
        server = make_server(*address, answer, server_class=_Server, handler_class=_QuietHandler)
    except OSError as exc:
        log.warning("worker_metrics_not_served", port=settings.WORKER_METRICS_PORT, error=str(exc))
        return
    threading.Thread(target=server.serve_forever, name="metrics-server", daemon=True).start()


@worker_shutdown.connect
def remove_worker_directory(**_: Any) -> None:
    if _directory and os.getpid() == _owner:
        shutil.rmtree(_directory, ignore_errors=True)


@task_prerun.connect
def note_start(task_id: str, **_: Any) -> None:
    _started[task_id] = perf_counter()


@task_postrun.connect
def count_task(task_id: str, task: Any, **_: Any) -> None:
    note_alive("worker")
    started = _started.pop(task_id, None)
    if started is not None:
        metrics.TASK_SECONDS.labels(task.name).observe(perf_counter() - started)


@task_failure.connect
def count_failure(sender: Any, **_: Any) -> None:
    metrics.TASK_FAILURES.labels(sender.name).inc()


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The worker's WSGI application: `/metrics`, for those who may read it."""
    if environ["PATH_INFO"] not in _PATHS or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        start_response("404 Not Found", [])
        return ()
    try:
        require_scraper(environ)
    except Forbidden:
        start_response("403 Forbidden", [])
        return ()
    body = render_counters()
    start_response("200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body)))])
    return (body,)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away or says nothing is no news, and its address stands in no log."""


class _QuietHandler(WSGIRequestHandler):
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:
        pass
