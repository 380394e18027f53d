"""Rules of a test's project, and time that goes as the test says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from analytics.databases import mongo
from analytics.databases.documents import typed
from notices.documents import NoticeDocument, Outcome, RuleDocument, Target
from notices.rounds import look_at_rules
from notices.rules import keeping
from notices.rules.terms import make_alert
from tests.conftest import TestProject

MAIL: Target = {"kind": "mail", "address": "ada@example.com"}
HOOK: Target = {
    "kind": "webhook", "url": "https://example.com/hook", "secret": "s", "shape": "plain",
}  # fmt: skip


def at(text: str) -> datetime:
    """A moment in UTC: `2025-03-30 06:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def add_report(
    project: TestProject, every: Any, hour: int, now: datetime, *targets: Target, **more: Any
) -> RuleDocument:
    draft: Any = {
        "name": f"Every {every}",
        "report": {"every": every, "hour": hour, "filters": [], **more},
        "targets": list(targets) or [MAIL],
    }
    return keeping.add(project.row, draft, "ada", now)


def add_alert(project: TestProject, now: datetime, *targets: Target, **terms: Any) -> RuleDocument:
    draft: Any = {
        "name": "Alert",
        "alert": make_alert(**terms),
        "targets": list(targets) or [MAIL],
    }
    return keeping.add(project.row, draft, "ada", now)


def keep_bare(project: TestProject) -> str:
    """The id of a rule that says nothing by itself, the same each time."""
    rule: dict[str, Any] = {"_id": f"rule1-{project.id.hex()}", "project": project.id}
    mongo.collection(mongo.NOTICE_RULES).replace_one(rule, rule, upsert=True)
    return str(rule["_id"])


def look(now: datetime) -> None:
    """All rounds that are due at a moment."""
    moment = iter([now] * 10_000)
    look_at_rules(30.0, lambda: next(moment))


def look_until(begin: datetime, end: datetime, step: timedelta) -> None:
    for now in steps(begin, end, step):
        look(now)


def steps(begin: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    while begin <= end:
        yield begin
        begin += step


def notices(project: TestProject) -> list[NoticeDocument]:
    """In the order in which they were made."""
    found = typed(NoticeDocument, mongo.NOTICES).find({"project": project.id})
    return list(found.sort([("madeAt", 1), ("_id", 1)]))


def read(project: TestProject, rule: RuleDocument) -> RuleDocument:
    return keeping.find(project.row, rule["_id"])


class Post:
    """A receiving side: keeps what it takes, and answers as it is told."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.taken: list[NoticeDocument] = []
        self._outcomes = list(outcomes)

    def __call__(self, notice: NoticeDocument) -> Outcome:
        self.taken.append(notice)
        return self._outcomes.pop(0) if self._outcomes else {"result": "sent", "detail": "ok"}
