"""The state of the deployment, read at each scrape of `/metrics/state`.

Every web process can tell it, so it is scraped in one place: of several copies of a gauge the sum
would be wrong. Each part stands for itself: with MongoDB down the stream is still described.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import pymongo
import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError, ResponseError

from analytics.databases import mongo
from analytics.databases import redis_clients as names
from analytics.databases.mongo import collection
from analytics.databases.redis_commands import Commands, typed_commands
from analytics.databases.redis_keys import GROUP, stream_key, waiting_key
from analytics.events.ids import EntryId
from analytics.metrics import names as metrics
from analytics.metrics.names import StateGauge
from analytics.metrics.sightings import PROCESSES, Sightings
from analytics.probes.scraping import answer_scrape
from analytics.remembered import Remembered
from analytics.task_names import QUEUES
from columns.files.folder import ColumnsUnavailable
from upkeep.jobs.setbacks import count_failing
from upkeep.ledger.lines import COLUMNS, Line, LineKey, read_counters, read_settled
from upkeep.watch.columns import check_usable, count_old, read_fresh, read_segments
from upkeep.watch.notices import read_late, read_notices

log = structlog.get_logger(__name__)

# A scrape ends before Prometheus gives it up, after 10 s.
STORE_TIMEOUT_SECONDS = 2.0
# What costs more than a moment is read again only after this.
KEPT_SECONDS = 60.0
MAX_STALE_ENTRIES = 1_000

# A gauge, the values of its labels, its value.
Reading = tuple[StateGauge, tuple[str, ...], float]

_kept: Remembered[None, list[Reading]] = Remembered(KEPT_SECONDS)


@csrf_exempt
def metrics_state(request: HttpRequest) -> HttpResponse:
    return answer_scrape(request, render_state)


def render_state() -> bytes:
    return generate_latest(_State())


class _State:
    """All readings, as prometheus_client collects them."""

    def collect(self) -> Iterable[Metric]:
        families = {
            gauge: Metric(gauge.name, gauge.meaning, "gauge") for gauge in metrics.STATE_GAUGES
        }
        for gauge, labels, value in read_state():
            named = dict(zip(gauge.labels, labels, strict=True))
            families[gauge].add_sample(gauge.name, named, value)
        return families.values()


def read_state() -> Iterator[Reading]:
    """Everything that can be read now; a part that fails is told by its component alone."""
    yield metrics.BUILD, (settings.VERSION,), 1
    parts: tuple[tuple[str, Callable[[], Iterable[Reading]]], ...] = (
        ("stream", _read_stream),
        ("broker", _read_broker),
        ("store", _read_store),
        ("columns", _look_at_columns),
    )
    # Who only accepts events need not see the folder.
    for component, read in parts[:3] if settings.ROLE == "ingest" else parts:
        readings: list[Reading] = []
        is_up = True
        try:
            readings = list(read())
        except (RedisError, PyMongoError, OSError, ColumnsUnavailable) as exc:
            log.warning("state_not_read", component=component, error=repr(exc)[:300])
            is_up = False
        yield metrics.COMPONENT_UP, (component,), float(is_up)
        yield from readings


def _read_stream() -> Iterator[Reading]:
    client = typed_commands(names.stream_client())
    info = client.info()
    yield metrics.REDIS_MEMORY, (), info["used_memory"]
    yield metrics.REDIS_MEMORY_LIMIT, (), info["maxmemory"]
    yield metrics.REDIS_FILE_BYTES, (), info.get("aof_current_size", 0)
    failing = [
        info.get(name, "ok") != "ok"
        for name in ("aof_last_write_status", "aof_last_bgrewrite_status")
    ]
    yield metrics.REDIS_FILE_FAILING, (), float(any(failing))
    for partition in range(settings.STREAM_PARTITIONS):
        yield from _read_partition(client, partition)


def _read_partition(client: Commands, partition: int) -> Iterator[Reading]:
    stream, labels = stream_key(partition), (str(partition),)
    waiting = client.hget(waiting_key(partition), "total")
    yield metrics.WAITING_EVENTS, labels, int(waiting or 0)
    yield metrics.STREAM_DEPTH, labels, client.xlen(stream)
    oldest = client.xrange(stream, count=1)
    seconds, microseconds = client.time()
    now = seconds + microseconds / 1e6
    age = now - EntryId.parse(oldest[0][0]).ms / 1000 if oldest else 0.0
    yield metrics.STREAM_LAG, labels, max(0.0, age)
    pending, stale = _count_pending(client, stream)
    yield metrics.PENDING_ENTRIES, labels, pending
    yield metrics.STALE_ENTRIES, labels, stale


def _count_pending(client: Commands, stream: str) -> tuple[int, int]:
    """Entries read and not acked, and those of them that are stale, up to MAX_STALE_ENTRIES."""
    idle_ms = int(settings.CLAIM_IDLE_SECONDS * 1000)
    try:
        pending = client.xpending(stream, GROUP)["pending"]
        stale = client.xpending_range(stream, GROUP, "-", "+", MAX_STALE_ENTRIES, idle=idle_ms)
    except ResponseError as exc:
        if "NOGROUP" in str(exc):  # nothing was ever drained
            return 0, 0
        raise
    return pending, len(stale)


def _read_broker() -> Iterator[Reading]:
    client = typed_commands(names.broker_client())
    for queue in QUEUES:
        yield metrics.QUEUED_TASKS, (queue,), client.llen(queue)
    sightings = Sightings()
    for process in PROCESSES:
        yield metrics.ALIVE, (process,), sightings.seen_at(process)
    yield metrics.VERIFIED_AT, (), sightings.verified_at
    yield metrics.DRIFT_TABLES, (), sightings.drift_tables
    yield metrics.COLUMNS_VERIFIED_AT, (), sightings.columns_verified_at
    yield metrics.COLUMNS_DRIFT, (), sightings.column_drift


def _read_store() -> Iterator[Reading]:
    with pymongo.timeout(STORE_TIMEOUT_SECONDS):
        summaries = collection(mongo.SUMMARIES)
        yield metrics.BACKLOG_SUMMARIES, (), summaries.estimated_document_count()
        oldest = summaries.find_one({}, {"_id": 1}, sort=[("_id", 1)])
        age = (datetime.now(UTC) - oldest["_id"].generation_time).total_seconds() if oldest else 0.0
        yield metrics.BACKLOG_SECONDS, (), max(0.0, age)
        for work, units in count_failing().items():
            yield metrics.FAILING_UNITS, (work,), units
        yield metrics.FUSES_OPEN, (), collection(mongo.FUSES).estimated_document_count()
        yield from _read_columns()
        yield from read_late()
        yield from _kept.get(None, lambda: [*_read_dead_letters(), *_read_books(), *read_notices()])


def _read_columns() -> Iterator[Reading]:
    fresh, segments = read_fresh(), read_segments()
    yield metrics.COLUMNS_FRESH_EVENTS, (), fresh.events
    yield metrics.COLUMNS_TAIL_EVENTS, (), fresh.longest_tail
    yield metrics.COLUMNS_FRESH_SECONDS, (), fresh.oldest_seconds
    yield metrics.COLUMNS_SEGMENTS, (), segments.listed
    yield metrics.COLUMNS_BYTES, (), segments.file_bytes
    yield metrics.COLUMNS_DAMAGED, (), segments.damaged
    yield metrics.COLUMNS_OLD_PROJECTS, (), count_old()


def _look_at_columns() -> Iterable[Reading]:
    """Their folder has no gauges of its own."""
    with pymongo.timeout(STORE_TIMEOUT_SECONDS):
        check_usable()
    return ()


def _read_dead_letters() -> Iterator[Reading]:
    grouped = collection(mongo.DEAD_LETTERS).aggregate(
        [{"$match": {"status": "dead"}}, {"$group": {"_id": "$reason", "count": {"$sum": 1}}}]
    )
    for row in grouped:
        yield metrics.DEAD_LETTERS_KEPT, (str(row["_id"]),), row["count"]


def _read_books() -> Iterator[Reading]:
    """The ledger, and by how much it is surely off.

    The counters of Redis are read before and after: what is missing from MongoDB by the earlier
    ones, and what is too much there by the later ones, no event in flight explains.
    """
    before = read_counters()
    with mongo.client().start_session(snapshot=True) as session:
        lines = read_settled(session)
    after = read_counters()
    difference = 0
    for key in {*lines, *before.accepted}:
        line = lines.get(key) or Line(*key)
        missing = before.accepted[key] - before.waiting[key] - line.settled
        surplus = line.settled - after.accepted[key]
        difference += max(0, missing) + max(0, surplus)
    columns = {
        "accepted": before.accepted.total(),
        "waiting": before.waiting.total(),
        **{name: _sum(lines, name) for name in COLUMNS},
    }
    for column, events in columns.items():
        yield metrics.LEDGER_EVENTS, (column,), events
    yield metrics.LEDGER_DIFFERENCE, (), difference


def _sum(lines: dict[LineKey, Line], column: str) -> int:
    return sum(getattr(line, column) for line in lines.values())
