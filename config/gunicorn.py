"""gunicorn: gevent workers, each patched before it loads the application (no preload)."""

import gc
import os
from typing import Any

bind = f"{os.environ.get('BIND', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
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
    """Everything is loaded: keep the collector from walking it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
