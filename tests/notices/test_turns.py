"""Whose alerts are looked at when there is more to do than time for it."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from notices import rounds
from notices.documents import RuleDocument
from notices.rules.looking import look_at
from notices.rules.store import rules, write_look
from tests.conftest import TestProject, make_project
from tests.notices.rules import add_alert, at, notices

NOW = at("2025-05-02 08:00")
MANY = 200
STEP = timedelta(minutes=1)


class Looks:
    """What is looked at and when, in a time that goes on by what each look of a project takes."""

    def __init__(self, seconds: dict[TestProject, float], *, is_real: bool = False) -> None:
        self._cost = {project.id: taken for project, taken in seconds.items()}
        self._is_real = is_real
        self.gone = 0.0
        self.made: list[tuple[bytes, float]] = []

    def clock(self) -> datetime:
        return NOW + timedelta(seconds=self.gone)

    def monotonic(self) -> float:
        return self.gone

    def look_at(self, rule: RuleDocument, now: datetime) -> None:
        project_id = bytes(rule["project"])
        self.made.append((project_id, self.gone))
        self.gone += self._cost[project_id]
        if self._is_real:
            look_at(rule, now)
        else:
            assert write_look(rule, {"nextAt": now + STEP})

    def work(self, seconds: float) -> None:
        """As a worker does that is woken again and again."""
        until = self.gone + seconds
        while self.gone < until:
            if not rounds.look_at_rules(20.0, self.clock):
                self.gone += 1.0

    def list_times(self, project: TestProject) -> list[float]:
        return [gone for project_id, gone in self.made if project_id == project.id]


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> Any:
    def begin(seconds: dict[TestProject, float], **more: bool) -> Looks:
        looks = Looks(seconds, **more)
        monkeypatch.setattr(rounds, "look_at", looks.look_at)
        monkeypatch.setattr(rounds, "monotonic", looks.monotonic)
        return looks

    return begin


def add_alerts(project: TestProject, count: int, due: datetime) -> None:
    """Alerts that are looked at every minute, and never hold."""
    first = add_alert(project, NOW - timedelta(days=1), value=1e9, unit="hour", running=True)
    changed: Any = {"nextAt": due}
    rules().update_one({"_id": first["_id"]}, {"$set": changed})
    more: Any = [
        {**first, **changed, "_id": f"{first['_id']}-{number}"} for number in range(1, count)
    ]
    if more:
        rules().insert_many(more)


def test_one_alert_beside_two_hundred_slow_ones_that_are_due_for_longer_is_looked_at_next(
    project: TestProject, other_project: TestProject, looking: Any
) -> None:
    add_alerts(project, MANY, NOW - timedelta(hours=1))
    add_alerts(other_project, 1, NOW)
    looks = looking({project: 5.0, other_project: 0.1}, is_real=True)

    assert rounds.look_at_rules(20.0, looks.clock)

    assert looks.list_times(other_project) == [5.0]
    looked = rules().count_documents({"project": other_project.id, "lookedAt": {"$ne": None}})
    assert looked == 1
    assert notices(other_project) == []


def test_it_goes_on_being_in_time_and_the_others_get_all_the_time_there_is(
    project: TestProject, other_project: TestProject, looking: Any
) -> None:
    add_alerts(project, MANY, NOW - timedelta(hours=1))
    add_alerts(other_project, 1, NOW)
    looks = looking({project: 5.0, other_project: 0.1})

    looks.work(600)

    times = looks.list_times(other_project)
    gaps = [later - before for before, later in pairwise(times)]
    assert len(gaps) >= 7
    assert max(gaps) <= STEP.total_seconds() + 2 * 5.0 + 1.0
    assert len(looks.list_times(project)) >= 600 // 5 - 5


def test_quick_ones_are_looked_at_together_and_slow_ones_one_at_a_time(
    project: TestProject, other_project: TestProject, looking: Any
) -> None:
    """Turns are of time: many quick ones of one need not wait for each slow one of another."""
    third = make_project("Third")
    for each, count in ((project, 3), (other_project, 30), (third, 1)):
        add_alerts(each, count, NOW)
    looks = looking({project: 10.0, other_project: 0.01, third: 0.01})

    while not looks.list_times(third) or not looks.list_times(other_project):
        rounds.look_at_rules(20.0, looks.clock)
    until = max(looks.list_times(other_project))

    assert len(looks.list_times(other_project)) == 30
    assert len([gone for gone in looks.list_times(project) if gone < until]) <= 1


def test_the_project_of_which_one_has_waited_longest_comes_first(
    project: TestProject, other_project: TestProject, looking: Any
) -> None:
    add_alerts(project, 2, NOW - timedelta(seconds=30))
    add_alerts(other_project, 2, NOW - timedelta(seconds=60))
    looks = looking({project: 0.6, other_project: 0.6})

    assert not rounds.look_at_rules(20.0, looks.clock)

    assert [project_id for project_id, _ in looks.made] == [other_project.id] * 2 + [project.id] * 2
