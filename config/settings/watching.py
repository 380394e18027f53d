"""Settings of traces, metrics and health checks."""

from config.settings.environment import (
    read_networks,
    read_port,
    read_positive,
    read_text,
    read_traces,
)

OTEL_TRACES: bool = read_traces("OTEL_TRACES")
# Who may read /metrics: a bearer of this token, or one of these addresses.
METRICS_TOKEN: str = read_text("METRICS_TOKEN")
METRICS_ALLOWED_IPS = read_networks("METRICS_ALLOWED_IPS", ["127.0.0.0/8", "::1"])
# Where the Celery worker serves its own, on the address BIND; 0: nowhere.
WORKER_METRICS_PORT: int = read_port("WORKER_METRICS_PORT", 8001)
BIND: str = read_text("BIND", "127.0.0.1")
# Which file it touches every 2 s, for a health check.
WORKER_HEARTBEAT_FILE: str = read_text("WORKER_HEARTBEAT_FILE")
# Projects with a label of their own; the events of the others are counted together.
METRICS_MAX_PROJECTS: int = read_positive("METRICS_MAX_PROJECTS", 100)
