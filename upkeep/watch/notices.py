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


def read_late() -> Iterator[Reading]:
    """What waits for its turn, by indexes: for each scrape. Raises PyMongoError, as the next."""
    now = datetime.now(UTC)
    for gauge, name, due in (
        (metrics.NOTICE_RULES_LATE, mongo.NOTICE_RULES, {"nextAt": {"$lte": now}}),
        (metrics.NOTICES_LATE, mongo.NOTICES, {"open": True, "nextAt": {"$lte": now}}),
    ):
        first = collection(name).find_one(due, {"nextAt": 1}, sort=[("nextAt", 1)])
        yield gauge, (), _since(first["nextAt"] if first else None, now)


def read_notices() -> Iterator[Reading]:
    """What is counted: for now and then."""
    now = datetime.now(UTC)
    rules, notices = collection(mongo.NOTICE_RULES), collection(mongo.NOTICES)
    troubled = {"trouble": {"$type": "object"}, "pausedAt": None}
    yield metrics.NOTICE_RULES_IN_TROUBLE, (), rules.count_documents(troubled)
    yield metrics.NOTICES_WAITING, (), notices.count_documents({"open": True})
    oldest = notices.find_one({"open": True}, {"madeAt": 1}, sort=[("madeAt", 1)])
    yield metrics.NOTICES_OLDEST, (), _since(oldest["madeAt"] if oldest else None, now)
    failed = {"state": "failed", "endedAt": {"$gte": now - RECENTLY}}
    yield metrics.NOTICES_FAILED, (), notices.count_documents(failed)


def check_notices() -> Iterator[Finding]:
    values = {gauge.name: value for gauge, _, value in (*read_late(), *read_notices())}
    late = values[metrics.NOTICE_RULES_LATE.name]
    if late > LONG_LATE.total_seconds():
        yield wrong(
            f"alerts and reports have waited {late:,.0f} s for their turn",
            "is a worker up, and beat? Does its log have apart_failed or rule_not_looked_at?",
        )
    unsent = values[metrics.NOTICES_LATE.name]
    if unsent > LONG_LATE.total_seconds():
        yield wrong(
            f"notices have been due for {unsent:,.0f} s, and are not sent",
            "is a worker up, and beat? Does its log have apart_failed, or notice_not_sent?",
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
