"""gunicorn: gevent workers, each patched before it loads the application (no preload)."""

import gc
import os
import shutil
import sys
from pathlib import Path
from typing import Any

_port = "REPORT_PORT" if os.environ.get("ROLE") == "reporting" else "INGEST_PORT"
bind = ":".join(
    (
        os.environ.get("BIND", "127.0.0.1"),
        os.environ.get("PORT") or os.environ.get(_port) or "8000",
    )
)
# What makes the master give up instead of starting another worker.
_BOOT_FAILED = 3

worker_class = "ingestion.gunicorn_worker.Worker"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_connections = 2_000
backlog = 2_048
keepalive = 75
timeout = 30
graceful_timeout = 30
limit_request_line = 8_190
limit_request_fields = 100
limit_request_field_size = 8_190
# Not even a proxy next door may rewrite a request: Django believes TRUSTED_PROXIES, and no other.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
preload_app = False
accesslog = None
errorlog = "-"
loglevel = "warning"


# Where the workers leave their counters; handed down by the environment, through reloads as well.
_METRICS = "ANALYTICS_METRICS_DIRECTORY"


def on_starting(server: Any) -> None:
    from analytics.metric_files import make_directory

    os.environ[_METRICS] = str(make_directory())


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ[_METRICS], ignore_errors=True)


def worker_exit(server: Any, worker: Any) -> None:
    if "analytics.sharing" in sys.modules:  # else it ends before it has counted anything
        sys.modules["analytics.sharing"].share_counters()


def post_worker_init(worker: Any) -> None:
    """Everything is loaded: check Redis, and keep the collector from walking it all again."""
    from analytics.sharing import begin_sharing  # Django is set up only now
    from analytics.stream_check import UnsafeStream, check_stream
    from analytics.tracing import start_tracing

    begin_sharing(Path(os.environ[_METRICS]))
    start_tracing()

    try:
        check_stream()
    except UnsafeStream as exc:
        worker.log.error(str(exc))
        sys.exit(_BOOT_FAILED)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
