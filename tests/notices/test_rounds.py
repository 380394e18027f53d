"""Rounds beside the tasks: woken by them, one process at a time, seen by operators."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.metrics import names as metrics
from config.celery import app
from notices.apart import Apart
from notices.documents import RuleDocument
from notices.outbox.leases import read_clock
from notices.outbox.notices import add_notices, make_notice
from notices.rules import reports
from tests.conftest import TestProject
from tests.notices.rules import MAIL, add_report, look, notices, read
from tests.notices.test_outbox import FACTS
from upkeep.jobs.lane import NOTICE_RULES, NOTICES, enter_lane
from upkeep.watch.finding import Level
from upkeep.watch.notices import check_notices, read_late, read_notices


def wait_for(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def add_due(project: TestProject) -> RuleDocument:
    """A report that is due for half a day: of one that is due at midnight nothing is told yet in
    the minutes after that."""
    now = read_clock()
    return add_report(project, "day", (now.hour + 12) % 24, now - timedelta(days=2))


def test_both_tasks_wake_what_is_due_and_sent(project: TestProject) -> None:
    """Nobody has confirmed the address, so it is told of nothing."""
    rule = add_due(project)

    app.loader.import_default_modules()
    app.tasks["notices.look_at_rules"].run()
    wait_for(lambda: read(project, rule)["lastWindow"] is not None)
    wait_for(lambda: notices(project)[0]["state"] != "sending")
    app.tasks["notices.send_notices"].run()
    wait_for(lambda: notices(project)[0]["state"] == "dropped")


def test_beat_wakes_both_several_times_a_minute() -> None:
    schedule = {each["task"]: each["schedule"] for each in app.conf.beat_schedule.values()}

    assert schedule["notices.look_at_rules"] == schedule["notices.send_notices"] == 20


def test_a_task_waits_for_none_of_it_and_a_process_does_it_once_at_a_time(store: None) -> None:
    begun, go_on, runs = threading.Event(), threading.Event(), []

    def work(budget_seconds: float) -> bool:
        runs.append(budget_seconds)
        begun.set()
        return not go_on.wait(60)

    apart = Apart(NOTICES, work)
    apart.wake()
    assert begun.wait(60)
    apart.wake()
    go_on.set()
    wait_for(lambda: apart.work())

    assert len(runs) == 2  # the second is of `work` here


def test_what_fails_is_done_again_when_it_is_woken(store: None) -> None:
    tries = []

    def work(budget_seconds: float) -> bool:
        tries.append(budget_seconds)
        if len(tries) == 1:
            raise ValueError("an error of ours")
        return False

    apart = Apart(NOTICES, work)
    apart.wake()
    wait_for(lambda: bool(tries))
    wait_for(lambda: apart.work())

    assert len(tries) == 2


def test_the_command_does_both_unless_a_worker_is_at_it(project: TestProject) -> None:
    rule = add_due(project)
    with enter_lane(NOTICE_RULES) as entered, pytest.raises(CommandError):
        assert entered
        call_command("send_due_notices", stdout=StringIO())
    assert read(project, rule)["lastWindow"] is None

    call_command("send_due_notices", stdout=StringIO())

    assert [notice["state"] for notice in notices(project)] == ["dropped"]


def test_an_error_of_ours_at_one_rule_is_told_and_stops_no_other(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("broken", "well"):
        rule = add_due(project)
        collection(mongo.NOTICE_RULES).update_one({"_id": rule["_id"]}, {"$set": {"name": name}})
    telling = reports.tell_report

    def tell(desk: Any, rule: Any, *more: Any, **named: Any) -> Any:
        if rule["name"] == "broken":
            raise KeyError("an error of ours")
        return telling(desk, rule, *more, **named)

    monkeypatch.setattr(reports, "tell_report", tell)
    look(read_clock())

    troubles = {
        rule["name"]: rule["trouble"] and rule["trouble"]["code"]
        for rule in collection(mongo.NOTICE_RULES).find({"project": project.id})
    }
    assert troubles == {"broken": "internal_error", "well": None}
    assert len(notices(project)) == 1


def test_a_rule_that_is_damaged_is_told_and_stops_no_other(project: TestProject) -> None:
    damaged, _ = (add_due(project) for _ in range(2))
    collection(mongo.NOTICE_RULES).update_one({"_id": damaged["_id"]}, {"$unset": {"report": 1}})

    look(read_clock())

    trouble = read(project, damaged)["trouble"]
    assert trouble and trouble["code"] == "internal_error"
    assert len(notices(project)) == 1


def test_operators_see_what_is_late_what_waits_and_what_failed(project: TestProject) -> None:
    assert [finding.level for finding in check_notices()] == [Level.WELL]
    now = read_clock()
    rule = add_report(project, "day", 0, now)
    trouble = {"code": "goal_deleted", "detail": "", "since": now}
    collection(mongo.NOTICE_RULES).update_one(
        {"_id": rule["_id"]}, {"$set": {"nextAt": now - timedelta(hours=1), "trouble": trouble}}
    )
    long_ago = now - timedelta(hours=2)
    add_notices([make_notice(project.id, "r", what, MAIL, FACTS, long_ago) for what in "ab"])
    collection(mongo.NOTICES).update_one(
        {}, {"$set": {"state": "failed", "endedAt": now}, "$unset": {"open": 1}}
    )

    values = {gauge: value for gauge, _, value in (*read_late(), *read_notices())}
    assert values[metrics.NOTICE_RULES_LATE] >= 3_600
    assert values[metrics.NOTICES_OLDEST] >= 7_200
    assert values[metrics.NOTICES_LATE] >= 7_200
    counted = (metrics.NOTICES_WAITING, metrics.NOTICES_FAILED, metrics.NOTICE_RULES_IN_TROUBLE)
    assert [values[gauge] for gauge in counted] == [1, 1, 1]
    levels = [finding.level for finding in check_notices()]
    assert levels == [*[Level.WRONG] * 2, *[Level.DOUBTFUL] * 3]

    # One that is tried again later is not late.
    later = {"$set": {"nextAt": now + timedelta(hours=1)}}
    collection(mongo.NOTICES).update_many({"open": True}, later)
    values = {gauge: value for gauge, _, value in (*read_late(), *read_notices())}
    assert (values[metrics.NOTICES_LATE], values[metrics.NOTICES_WAITING]) == (0, 1)
