"""The columns: exporters and reporting processes die, fall behind, erase, are asked too much."""

import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict
from columns.export import export_project
from tests.chaos.evidence.asked import asked, list_segments_of, look_after
from tests.chaos.evidence.questions import Questions, make_question
from tests.chaos.system import System, attempt, wait_for
from tests.chaos.trial import Chaos, make_unlimited_project
from tests.conftest import TestProject
from tests.processes import kill
from tests.stored import store_events
from tests.upkeep.erasure.erasures import ask_to_erase, reach_everything
from upkeep.erasure.job import Erasure
from upkeep.jobs.job import signal_jobs
from upkeep.jobs.leases import lease_project

pytestmark = pytest.mark.chaos

DYING_SECONDS = 25.0
BEHIND_SECONDS = 60.0
GREEDY_SECONDS = 12.0
REPORTING_NICE = 5
USERS = ("mallory", "alice")


@pytest.fixture(scope="module")
def eager(system: System) -> Iterator[None]:
    with system.another_worker("tests.chaos.faults.eager_worker"):
        yield


def test_an_exporter_that_dies_at_random(chaos: Chaos) -> None:
    fault = "exporting and merging workers killed at random steps, 25 s"
    dying = chaos.system.another_worker("tests.chaos.faults.dying_exporter")
    with asked(chaos, fault) as trial, dying:
        end = time.monotonic() + DYING_SECONDS
        while time.monotonic() < end:
            look_after()
            time.sleep(0.5)
        trial.wait_for_segments(1)


def test_a_reporting_process_that_dies_while_it_answers(chaos: Chaos, eager: None) -> None:
    with asked(chaos, "SIGKILL of the reporting process, 5 times, while it answers") as trial:
        trial.wait_for_segments(2)
        for _ in range(5):
            kill(find_reporting(chaos.system))
            trial.questions.wait_for("200")
            time.sleep(random.uniform(0, 0.3))


def test_a_step_down_of_mongodb(chaos: Chaos, eager: None) -> None:
    fault = "replSetStepDown, 5 s, while segments are written and questions asked"
    with asked(chaos, fault) as trial:
        trial.wait_for_segments(1)
        attempt(lambda: mongo.client().admin.command("replSetStepDown", 5, force=True))


def test_an_exporter_that_is_away(chaos: Chaos) -> None:
    """Questions read what is fresh meanwhile, all of it."""
    with asked(chaos, "nobody exports for 60 s, then somebody does") as trial:
        with lease_project(trial.project.id, 30) as entered:
            assert entered
            time.sleep(BEHIND_SECONDS)
            assert list_segments_of(trial.project) == set()
            trial.questions.wait_for("200")
        trial.wait_for_segments(1)
        trial.wait_until_caught_up()


def test_a_project_that_asks_for_everything(chaos: Chaos, eager: None) -> None:
    greedy = make_unlimited_project("greedy")
    for _ in range(3):
        events = [{"path": f"/{n}", "userId": f"u{n}", "title": f"t{n}"} for n in range(20_000)]
        store_segment(greedy, events)
    everything = make_question("userId", "title")
    with asked(chaos, "another project asks for everything, 8 at a time, 12 s") as trial:
        with Questions(
            chaos.system, greedy, askers=8, question=everything, check=lambda answer: None
        ):
            before = trial.questions.outcomes.copy()
            time.sleep(GREEDY_SECONDS)
            answered = trial.questions.outcomes - before
        assert set(answered) == {"200"}, answered
        assert answered["200"] >= 5, answered


def test_an_erasure_under_questions(chaos: Chaos, eager: None) -> None:
    """Of the user all counts, or nothing, and never again once it was nothing."""
    project = make_unlimited_project("to be erased from")
    for path in ("/a", "/b", "/c"):
        store_segment(project, [{"path": path, "userId": user} for user in USERS] * 200)
    store_events(project, [{"path": "/d", "userId": user} for user in USERS] * 200)
    left = [800]

    def check(answer: Mapping[str, Any]) -> str | None:
        views = {row["dimensions"][0]: row["metrics"][0] for row in answer["results"]}
        theirs = views.pop("mallory", 0)
        if theirs not in (0, 800) or theirs > left[0] or views != {"alice": 800}:
            return f"a moment that never was: {answer['results']}, {left} before"
        left[0] = theirs
        return None if answer["totals"] == [800 + theirs] else f"{answer['totals']} of {views}"

    with asked(chaos, "a user is erased while questions are asked") as trial:
        trial.wait_for_segments(1)
        question = make_question("userId")
        with Questions(chaos.system, project, question=question, check=check) as questions:
            questions.wait_for("200", times=5)
            reach_everything(ask_to_erase(project, "mallory"))
            signal_jobs(Erasure)
            wait_for(lambda: is_in_no_segment(project.id), 90, "the user is in no segment")
            questions.wait_for("200", times=5)
    assert left == [0]


def store_segment(project: TestProject, events: Sequence[dict[str, Any]]) -> None:
    store_events(project, events)
    with suppress(Conflict):  # the worker was faster
        export_project(project.id)


def is_in_no_segment(project_id: bytes) -> bool:
    """The veil is gone: only files that nobody lists are waited for."""
    query = {"project": project_id, "step": "files"}
    return collection(mongo.ERASURES).find_one(query) is not None


def find_reporting(system: System) -> int:
    found: list[int] = []

    def find() -> bool:
        found[:] = [pid for pid in system.web.children if nice_of(pid) >= REPORTING_NICE]
        return bool(found)

    wait_for(find, 30, "there is a reporting process")
    return found[0]


def nice_of(pid: int) -> int:
    try:
        return os.getpriority(os.PRIO_PROCESS, pid)
    except ProcessLookupError:
        return 0
