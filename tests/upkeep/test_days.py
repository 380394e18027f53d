"""The days of a project: those that have something, and never the span between them."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.projects.models import Project
from analytics.remembered import forget_everything
from tests.conftest import TestProject
from tests.stored import store_events
from upkeep import tasks
from upkeep.rollups.compaction import compact_summaries
from upkeep.rollups.copies import build_days, build_months
from upkeep.verify.days import find_days
from upkeep.verify.differences import Difference
from upkeep.verify.rebuild import rebuild_day

NOW = timedelta(0)
MOMENT = datetime(2026, 3, 5, 9, tzinfo=UTC)
DAY = (MOMENT - datetime(1970, 1, 1, tzinfo=UTC)).days
RESET_CLOCK = datetime(1970, 1, 1, tzinfo=UTC)


def store_at(project: TestProject, *moments: datetime) -> None:
    store_events(project, [{"timestamp": moment, "path": "/clock"} for moment in moments])


def count_reads() -> int:
    """How many times MongoDB was asked for documents so far."""
    status: Any = mongo.client().admin.command("serverStatus")
    commands = status["metrics"]["commands"]
    return sum(int(commands[name]["total"]) for name in ("find", "getMore", "aggregate"))


def note_verified_days(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    verified: list[int] = []

    def verify_day(project_id: bytes, day: int) -> list[Difference]:
        verified.append(day)
        return []

    monkeypatch.setattr(tasks, "verify_day", verify_day)
    return verified


def run_command(name: str) -> str:
    output = StringIO()
    call_command(name, stdout=output)
    return output.getvalue()


def test_the_days_of_a_project_are_those_with_events_summaries_or_rollups(
    project: TestProject, other_project: TestProject
) -> None:
    store_at(project, MOMENT)
    compact_summaries()
    collection(mongo.EVENTS).delete_many({})  # then it has rollups
    store_at(project, MOMENT + timedelta(days=2))
    collection(mongo.EVENTS).delete_many({})  # then it has a summary
    store_at(project, MOMENT + timedelta(days=5, hours=14), MOMENT + timedelta(days=5))
    collection(mongo.SUMMARIES).delete_many({"bucket": {"$gte": MOMENT + timedelta(days=4)}})
    store_at(other_project, MOMENT + timedelta(days=1))

    assert find_days(project.id) == [DAY, DAY + 2, DAY + 5]
    assert find_days(project.id, start=MOMENT + timedelta(days=2)) == [DAY + 2, DAY + 5]
    assert find_days(project.id, end=MOMENT + timedelta(days=2)) == [DAY, DAY + 2]
    midnight = datetime(2026, 3, 7, tzinfo=UTC)
    assert find_days(project.id, end=midnight) == [DAY]
    assert find_days(project.id, start=midnight, end=midnight) == []


@pytest.mark.parametrize("command", ["verify_rollups", "rebuild_rollups"])
def test_what_days_cost_does_not_depend_on_how_far_they_are_apart(
    project: TestProject, command: str
) -> None:
    reads = []
    for other in (MOMENT + timedelta(days=1), RESET_CLOCK):
        collection(mongo.EVENTS).delete_many({})
        for name in (mongo.SUMMARIES, mongo.ROLLUP_DAYS, mongo.ROLLUP_MONTHS):
            collection(name).delete_many({})
        store_at(project, MOMENT, other)
        compact_summaries()
        before = count_reads()
        build_days(quiet=NOW)
        build_months(quiet=NOW)
        assert "2 days" in run_command(command)
        reads.append(count_reads() - before)

    # One more month is one more copy; a look at each of 20,000 days would be far more.
    assert reads[1] <= reads[0] + 10


def test_one_event_of_a_clock_that_was_reset_does_not_blind_the_sample_of_the_night(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = [MOMENT + timedelta(days=days) for days in range(2)]
    store_at(project, RESET_CLOCK, *moments)
    verified = note_verified_days(monkeypatch)

    for _ in range(5):
        tasks._verify_sample()

    assert sorted(set(verified)) == [0, DAY, DAY + 1]
    assert len(verified) == 15  # three days each night, and all of them have events


def test_the_sample_of_the_night_is_of_days_whose_raw_events_are_kept(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of old rollups there may be far more, and nothing to compare them with."""
    today = datetime.now(UTC)
    store_at(project, *(MOMENT - timedelta(days=days) for days in range(30)), today)
    compact_summaries()
    Project.objects.filter(pk=project.row.pk).update(retention_days=10, raw_since=None)
    verified = note_verified_days(monkeypatch)
    forget_everything()

    tasks._verify_sample()

    assert verified == [int(today.timestamp()) // 86_400]


def test_verifying_finds_rollups_of_a_day_that_has_no_event_at_all(project: TestProject) -> None:
    store_at(project, MOMENT, MOMENT + timedelta(days=3))
    compact_summaries()
    collection(mongo.EVENTS).delete_one({"timestamp": MOMENT})

    with pytest.raises(CommandError):
        run_command("verify_rollups")
    for day in find_days(project.id):
        rebuild_day(project.id, day)

    assert "0 differences" in run_command("verify_rollups")
