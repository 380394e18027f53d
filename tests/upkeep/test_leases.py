"""Who works on the columns of a project, by MongoDB's clock."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from columns.export import export_project, list_tails
from tests.columns.held import held
from tests.conftest import TestProject
from tests.paths import ROOT
from tests.stored import store_events
from tests.workers import wait_until
from upkeep.columns import rounds
from upkeep.jobs import leases
from upkeep.jobs.leases import lease_project

HOLDER = """
import os, signal, sys, django
django.setup()
from upkeep.columns import rounds
from upkeep.jobs.leases import lease_project
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
rounds.export_project = die
rounds.export_columns()
"""


def test_one_has_a_project_and_others_are_told(
    project: TestProject, other_project: TestProject
) -> None:
    with lease_project(project.id) as first, lease_project(project.id) as second:
        assert (first, second) == (True, False)
        with lease_project(other_project.id) as other:
            assert other
    with lease_project(project.id) as again:
        assert again
    assert collection(mongo.COLUMN_LEASES).count_documents({}) == 0


def test_who_waits_has_it_when_it_is_given_back(project: TestProject) -> None:
    with ThreadPoolExecutor(1) as pool:
        with lease_project(project.id):
            waiting = pool.submit(lambda: lease_project(project.id, 30).__enter__())
            time.sleep(0.1)
            assert not waiting.done()
        assert waiting.result(10)


def test_a_lease_is_renewed_while_its_holder_lives(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.05)
    ours, soon = {"_id": project.id}, {"$add": ["$$NOW", 20_000]}
    lasts_longer = {**ours, "$expr": {"$gt": ["$until", soon]}}
    with lease_project(project.id):
        for _ in range(3):  # as when a third of its time is over
            collection(mongo.COLUMN_LEASES).update_one(ours, [{"$set": {"until": soon}}])
            wait_until(
                lambda: collection(mongo.COLUMN_LEASES).count_documents(lasts_longer) == 1,
                10, "it is renewed",
            )  # fmt: skip
            with lease_project(project.id, 0.2) as second:
                assert not second


def test_no_clock_but_mongodbs_is_looked_at(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lease_project(project.id):
        monkeypatch.setattr(time, "time", lambda: 4e9)
        with lease_project(project.id) as second:
            assert not second


@pytest.mark.slow
def test_what_a_killed_exporter_had_is_taken_over(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed with the project in hand."""
    monkeypatch.setattr(rounds, "DUE_EVENTS", 1)
    monkeypatch.setattr("columns.export.DUE_EVENTS", 1)
    store_events(project, [{"path": "/a"}])
    program = "import columns.export; columns.export.DUE_EVENTS = 1\n" + HOLDER
    environment: dict[str, Any] = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", "import django; django.setup()\n" + program]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert collection(mongo.COLUMN_LEASES).count_documents({"_id": project.id}) == 1
    rounds.export_columns()
    assert len(list_tails()) == 1  # it may still be alive
    until = {"$set": {"until": {"$subtract": ["$$NOW", 1]}}}
    collection(mongo.COLUMN_LEASES).update_one({"_id": project.id}, [until])
    rounds.export_columns()
    assert (list_tails(), held(project)) == ([], ["/a"])


def test_two_that_have_one_project_for_a_while_do_no_harm(project: TestProject) -> None:
    """A lease saves work: what is right does not hang on it."""
    store_events(project, [{"path": f"/{n}"} for n in range(6)])
    with lease_project(project.id):
        assert export_project(project.id) == 6
    assert held(project) == [f"/{n}" for n in range(6)]
