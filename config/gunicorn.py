"""gunicorn: gevent workers, each patched before it loads the application (no preload)."""

import gc
import os
import sys
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
preload_app = False
accesslog = None
errorlog = "-"
loglevel = "warning"


def post_worker_init(worker: Any) -> None:
    """Everything is loaded: check Redis, and keep the collector from walking it all again."""
    from analytics.stream_check import UnsafeStream, check_stream  # Django is set up only now

    try:
        check_stream()
    except UnsafeStream as exc:
        worker.log.error(str(exc))
        sys.exit(_BOOT_FAILED)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
