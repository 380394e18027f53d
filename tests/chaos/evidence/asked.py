"""A fault under load and under questions: afterwards the columns hold what is stored."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO

from django.core.management import call_command

from analytics import task_names
from analytics.databases.mongo import COLUMN_FRESH, COLUMN_SEGMENTS, collection
from columns.export import DUE_EVENTS
from ingestion.stream.signals import send_quietly
from tests.chaos.evidence.load import Load
from tests.chaos.evidence.questions import Questions
from tests.chaos.system import attempt, wait_for
from tests.chaos.trial import HEAL_SECONDS, Chaos
from tests.conftest import TestProject

LOOK_SECONDS = 1.0

_asked_at = [0.0]


@dataclass(frozen=True)
class Asked:
    load: Load
    questions: Questions

    @property
    def project(self) -> TestProject:
        return self.load.project

    def wait_for_segments(self, count: int) -> None:
        def is_there() -> bool:
            look_after()
            return len(list_segments_of(self.project)) >= count

        wait_for(is_there, HEAL_SECONDS, f"{count} segments are written")

    def wait_for_new_segments(self, before: set[bytes]) -> None:
        def is_there() -> bool:
            look_after()
            return bool(list_segments_of(self.project) - before)

        wait_for(is_there, HEAL_SECONDS, "segments are written again")

    def wait_until_caught_up(self) -> None:
        def is_short() -> bool:
            look_after()
            fresh = collection(COLUMN_FRESH).find({"project": self.project.id}, {"n": 1})
            events: int = sum(document["n"] for document in fresh)
            return events < 2 * DUE_EVENTS

        wait_for(is_short, HEAL_SECONDS, "what is fresh is in segments")

    def wait_until_repaired(self) -> None:
        def is_sound() -> bool:
            look_after()
            return count_damaged(self.project) == 0

        wait_for(is_sound, HEAL_SECONDS, "what was damaged is made anew")


@contextmanager
def asked(chaos: Chaos, fault: str) -> Iterator[Asked]:
    """As `Chaos.under_load`; questions are asked until it has healed, and answered then."""
    with chaos.under_load(fault) as load:
        questions = Questions(chaos.system, load.project)
        questions.start()
        try:
            questions.wait_for("200")
            yield Asked(load, questions)
            questions.wait_for("200", HEAL_SECONDS, times=2)
        except BaseException:
            questions.stop()
            raise
    try:
        questions.wait_for("200", HEAL_SECONDS, times=2)
    finally:
        questions.stop()
    questions.check()
    look_after()
    call_command("verify_columns", load.project.id.hex(), stdout=StringIO())


def look_after() -> None:
    """Ask for what beat asks for each minute, once a second at most: nobody waits behind it."""
    if time.monotonic() > _asked_at[0] + LOOK_SECONDS:
        _asked_at[0] = time.monotonic()
        for task in (task_names.EXPORT_COLUMNS, task_names.TEND_COLUMNS):
            send_quietly(task, task_names.MAINTENANCE_QUEUE)


def count_damaged(project: TestProject) -> int:
    damaged = {"project": project.id, "damagedAt": {"$exists": True}}
    return collection(COLUMN_SEGMENTS).count_documents(damaged)


def list_segments_of(project: TestProject) -> set[bytes]:
    def find() -> set[bytes]:
        found = collection(COLUMN_SEGMENTS).find({"project": project.id}, {"_id": 1})
        return {bytes(segment["_id"]) for segment in found}

    segments: set[bytes] = attempt(find)
    return segments
