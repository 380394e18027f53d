"""Work that somebody else is faster at is begun again, a few times."""

import threading
import time

import pytest
from django.db import connection
from django_mongodb_backend.transaction import atomic

from analytics.databases.transactions import MAX_TRIES, Conflict, repeat, transact_models
from analytics.projects.models import Project


class Contested:
    """Work that fails its first `conflicts` times."""

    def __init__(self, conflicts: int) -> None:
        self.conflicts = conflicts
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self.tries <= self.conflicts:
            raise Conflict(f"try {self.tries}")
        return "done"


def test_work_is_begun_again_after_a_conflict() -> None:
    work = Contested(conflicts=MAX_TRIES - 1)

    assert repeat(work) == "done"
    assert work.tries == MAX_TRIES


def test_work_that_is_contested_each_time_raises_its_last_conflict() -> None:
    work = Contested(conflicts=MAX_TRIES)

    with pytest.raises(Conflict, match=f"try {MAX_TRIES}"):
        repeat(work)
    assert work.tries == MAX_TRIES


def test_another_error_is_raised_at_once() -> None:
    tries = []

    def fail() -> None:
        tries.append(1)
        raise KeyError

    with pytest.raises(KeyError):
        repeat(fail)
    assert len(tries) == 1


def test_work_through_models_waits_for_a_slow_winner(store: None) -> None:
    """The winner holds what it wrote for longer than tries without a pause take."""
    Project.objects.bulk_create([Project(id="a" * 16, name="Contested", partition=0)])
    has_written = threading.Event()

    def win() -> None:
        try:
            with atomic():
                Project.objects.filter(pk="a" * 16).update(retention_days=1)
                has_written.set()
                time.sleep(0.3)
        finally:
            connection.close()

    winner = threading.Thread(target=win)
    winner.start()
    assert has_written.wait(10)
    changed = transact_models(lambda: Project.objects.filter(pk="a" * 16).update(name="Loser's"))
    winner.join(timeout=10)

    [kept] = Project.objects.filter(pk="a" * 16)
    assert (changed, kept.name, kept.retention_days) == (1, "Loser's", 1)
