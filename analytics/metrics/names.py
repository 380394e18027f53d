"""Every metric of the service, by name: what is counted, where, and with which labels.

Each process counts for itself, and `sharing.py` adds up the processes of one service. Gauges tell
the state of the whole deployment, read at each scrape by `upkeep/watch/gauges.py`.
docs/operations.md says what to make of each.

No label may hold what a client chose: its values come from the code, or are bounded.
"""

from bisect import bisect_right
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram

# Not the library's global registry: nothing that is not in this file is exposed.
PROCESS_REGISTRY = CollectorRegistry()

_LATENCY_SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_BATCH_EVENTS = (1, 5, 10, 50, 100, 250, 500, 1_000, 2_000, 5_000)
_TASK_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0)


class BulkHistogram(Histogram):
    """A histogram that takes many values for the price of a few."""

    def observe_all(self, values: list[float]) -> None:
        """As `observe` for each of them; sorts the list."""
        values.sort()
        below = 0
        for bound, bucket in zip(self._upper_bounds, self._buckets, strict=True):
            up_to = bisect_right(values, bound)
            bucket.inc(up_to - below)
            below = up_to
        self._sum.inc(sum(values))


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(name, meaning, labels, registry=PROCESS_REGISTRY)


def _histogram(name: str, meaning: str, bounds: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, meaning, labels, buckets=bounds, registry=PROCESS_REGISTRY)


# --- Web processes: `/metrics` of the web ----------------------------------------------------

# endpoint: a route, `admin`, or `unknown`.
REQUESTS = _counter("analytics_http_requests_total", "Requests answered.", "endpoint", "status")
# From the parsed request to the finished answer; for /event and /events that is the accept path.
REQUEST_SECONDS = BulkHistogram(
    "analytics_http_request_seconds",
    "Time to answer a request.",
    ("endpoint",),
    buckets=_LATENCY_SECONDS,
    registry=PROCESS_REGISTRY,
)
# code: one of docs/http-api.md or docs/reporting-api.md.
REFUSED = _counter("analytics_refused_total", "Requests refused, by problem code.", "code")
# project: its id, for the first METRICS_MAX_PROJECTS of a process; then `other`.
ACCEPTED_EVENTS = _counter(
    "analytics_accepted_events_total", "Events answered with 202.", "project"
)

# --- Worker processes: WORKER_METRICS_PORT of each worker -------------------------------------

# outcome: stored, duplicate or dead; what was found to be done already counts nowhere.
DRAINED_EVENTS = _counter(
    "analytics_drained_events_total", "Accepted events that found their place.", "outcome"
)
# reason: one of ingestion/store/prepare.py: REASONS.
DEAD_LETTERS = _counter("analytics_dead_letters_total", "Events buried, by reason.", "reason")
BATCH_EVENTS = _histogram("analytics_batch_events", "Events in a batch.", _BATCH_EVENTS)
STORE_SECONDS = _histogram(
    "analytics_store_seconds", "Time to store and ack a batch.", _LATENCY_SECONDS
)
STORE_ERRORS = _counter(
    "analytics_store_errors_total", "Drains given up because MongoDB did not confirm."
)
# unit: bucket, day or month.
ROLLUP_DRIFT = _counter(
    "analytics_rollup_drift_total", "Rollups that verification found to be wrong.", "unit"
)
# task: the name of a Celery task.
TASK_SECONDS = _histogram("analytics_task_seconds", "Time of a task.", _TASK_SECONDS, "task")
TASK_FAILURES = _counter("analytics_task_failures_total", "Tasks that raised.", "task")


class StateGauge(NamedTuple):
    """A gauge of the whole deployment, asked for in one place: `/metrics/state`."""

    name: str
    meaning: str
    labels: tuple[str, ...]


STATE_GAUGES: list[StateGauge] = []


def _state_gauge(name: str, meaning: str, *labels: str) -> StateGauge:
    gauge = StateGauge(name, meaning, labels)
    STATE_GAUGES.append(gauge)
    return gauge


# --- The deployment: `/metrics/state`, of any one web process ---------------------------------

BUILD = _state_gauge("analytics_build_info", "1; the version that answers.", "version")
# component: stream, broker, store or, where reports are answered, columns.
COMPONENT_UP = _state_gauge(
    "analytics_component_up", "1 while the component answers this process.", "component"
)
# process: beat or worker. 0 where none was ever seen.
ALIVE = _state_gauge(
    "analytics_alive_timestamp_seconds", "When one was last seen at work.", "process"
)
QUEUED_TASKS = _state_gauge("analytics_queued_tasks", "Tasks that wait in the broker.", "queue")

WAITING_EVENTS = _state_gauge(
    "analytics_stream_waiting_events", "Accepted events not stored yet.", "partition"
)
STREAM_DEPTH = _state_gauge("analytics_stream_depth_entries", "Entries waiting.", "partition")
STREAM_LAG = _state_gauge(
    "analytics_stream_lag_seconds", "Age of the oldest entry; 0 if none.", "partition"
)
PENDING_ENTRIES = _state_gauge(
    "analytics_stream_pending_entries", "Entries read and not acked.", "partition"
)
# Counted up to 1,000.
STALE_ENTRIES = _state_gauge(
    "analytics_stream_stale_entries", "Pending for over CLAIM_IDLE_SECONDS.", "partition"
)
REDIS_MEMORY = _state_gauge("analytics_redis_memory_bytes", "Memory that the stream's Redis uses.")
REDIS_MEMORY_LIMIT = _state_gauge(
    "analytics_redis_memory_limit_bytes", "Its maxmemory; 0: no limit."
)
REDIS_FILE_BYTES = _state_gauge(
    "analytics_redis_aof_bytes", "Size of its append-only file on disk."
)
# A full disk shows here first: Redis then refuses every write.
REDIS_FILE_FAILING = _state_gauge(
    "analytics_redis_aof_failing", "1 while its last write or rewrite of the file failed."
)

BACKLOG_SUMMARIES = _state_gauge(
    "analytics_compaction_backlog_summaries", "Summaries that wait to be compacted."
)
BACKLOG_SECONDS = _state_gauge(
    "analytics_compaction_lag_seconds", "Age of the oldest summary; 0 if none."
)
# work: one of upkeep/jobs/setbacks.py: WORKS.
FAILING_UNITS = _state_gauge(
    "analytics_failing_units", "Units of maintenance that fail again and again.", "work"
)
# column: accepted, stored, duplicate, dead, waiting, or erased and imported (parts of others).
LEDGER_EVENTS = _state_gauge("analytics_ledger_events", "The books, all projects.", "column")
# Sure differences only: what may be in flight between the two stores is none.
LEDGER_DIFFERENCE = _state_gauge(
    "analytics_ledger_difference_events", "Events by which the books are off, without signs."
)
DEAD_LETTERS_KEPT = _state_gauge(
    "analytics_dead_letters", "Dead letters that wait for someone.", "reason"
)
FUSES_OPEN = _state_gauge(
    "analytics_fuses_open", "Projects whose events are held back, as most of them would be buried."
)
DRIFT_TABLES = _state_gauge(
    "analytics_rollup_drift_tables", "Tables of rollups found to differ from raw events, last time."
)
VERIFIED_AT = _state_gauge(
    "analytics_rollup_verified_timestamp_seconds", "When rollups were last verified; 0: never."
)

COLUMNS_FRESH_EVENTS = _state_gauge(
    "analytics_columns_fresh_events", "Stored events that are in no segment yet."
)
COLUMNS_TAIL_EVENTS = _state_gauge(
    "analytics_columns_tail_events", "Of the project that has the most of them."
)
COLUMNS_FRESH_SECONDS = _state_gauge(
    "analytics_columns_fresh_seconds", "How long the oldest has waited; 0 if none."
)
COLUMNS_SEGMENTS = _state_gauge("analytics_columns_segments", "Segments listed.")
COLUMNS_BYTES = _state_gauge("analytics_columns_bytes", "Size of their files.")
COLUMNS_DAMAGED = _state_gauge(
    "analytics_columns_damaged_segments", "Segments that were found damaged or missing."
)
COLUMNS_OLD_PROJECTS = _state_gauge(
    "analytics_columns_old_projects", "Projects with events from before columns that wait for them."
)
COLUMNS_DRIFT = _state_gauge(
    "analytics_columns_drift", "Events and files of columns found not to be as stored, last time."
)
COLUMNS_VERIFIED_AT = _state_gauge(
    "analytics_columns_verified_timestamp_seconds", "When columns were last verified; 0: never."
)

NOTICE_RULES_LATE = _state_gauge(
    "analytics_notice_rules_late_seconds",
    "How long the oldest rule has been due; 0 if none.",
)
NOTICE_RULES_IN_TROUBLE = _state_gauge(
    "analytics_notice_rules_in_trouble", "Alerts and reports that cannot be judged as they are."
)
NOTICES_WAITING = _state_gauge("analytics_notices_waiting", "Notices that wait to be sent.")
NOTICES_OLDEST = _state_gauge(
    "analytics_notices_oldest_seconds", "Age of the oldest of them; 0 if none."
)
NOTICES_LATE = _state_gauge(
    "analytics_notices_late_seconds",
    "How long the notice that is due longest has waited to be sent; 0 if none.",
)
NOTICES_FAILED = _state_gauge(
    "analytics_notices_failed", "Notices that were given up within the last day."
)

# What is known beforehand begins at 0, so that its first count is an increase.
for _outcome in ("stored", "duplicate", "dead"):
    DRAINED_EVENTS.labels(_outcome)
for _unit in ("bucket", "day", "month"):
    ROLLUP_DRIFT.labels(_unit)
