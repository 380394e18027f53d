"""Alerts, reports and what they have to say: whether their turn comes, and whether it gets out."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.metrics import names as metrics
from analytics.metrics.names import StateGauge
from upkeep.watch.finding import Finding, doubtful, well, wrong

LONG_LATE = timedelta(minutes=10)
LONG_WAITING = timedelta(hours=1)
RECENTLY = timedelta(days=1)

Reading = tuple[StateGauge, tuple[str, ...], float]


def read_notices() -> Iterator[Reading]:
    """Raises PyMongoError."""
    now = datetime.now(UTC)
    rules, notices = collection(mongo.NOTICE_RULES), collection(mongo.NOTICES)
    late = rules.find_one({"nextAt": {"$lte": now}}, {"nextAt": 1}, sort=[("nextAt", 1)])
    yield metrics.NOTICE_RULES_LATE, (), _since(late["nextAt"] if late else None, now)
    troubled = {"trouble": {"$type": "object"}, "pausedAt": None}
    yield metrics.NOTICE_RULES_IN_TROUBLE, (), rules.count_documents(troubled)
    yield metrics.NOTICES_WAITING, (), notices.count_documents({"open": True})
    oldest = notices.find_one({"open": True}, {"madeAt": 1}, sort=[("madeAt", 1)])
    yield metrics.NOTICES_OLDEST, (), _since(oldest["madeAt"] if oldest else None, now)
    failed = {"state": "failed", "endedAt": {"$gte": now - RECENTLY}}
    yield metrics.NOTICES_FAILED, (), notices.count_documents(failed)


def check_notices() -> Iterator[Finding]:
    values = {gauge.name: value for gauge, _, value in read_notices()}
    late = values[metrics.NOTICE_RULES_LATE.name]
    if late > LONG_LATE.total_seconds():
        yield wrong(
            f"alerts and reports have waited {late:,.0f} s for their turn",
            "is a worker up, and beat? Does its log have apart_failed or rule_not_looked_at?",
        )
    oldest = values[metrics.NOTICES_OLDEST.name]
    waiting = f"{values[metrics.NOTICES_WAITING.name]:,.0f} notices wait to be sent"
    if oldest > LONG_WAITING.total_seconds():
        yield doubtful(
            f"{waiting}, the oldest for {oldest:,.0f} s",
            "notice_not_sent in the log of the workers says why; see docs/notices.md",
        )
    else:
        yield well(waiting)
    if failed := values[metrics.NOTICES_FAILED.name]:
        yield doubtful(
            f"{failed:,.0f} notices were given up within a day",
            "the page of reports of their projects says which, and why",
        )
    if troubled := values[metrics.NOTICE_RULES_IN_TROUBLE.name]:
        yield doubtful(
            f"{troubled:,.0f} alerts or reports cannot be judged as they are",
            "the page of reports of their projects says which, and why",
        )


def _since(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0
