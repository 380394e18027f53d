"""What happens in a story, done to the real stores, and the answers of the service."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from django.utils import timezone

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.events.event import EPOCH
from analytics.events.ids import EntryId, make_place, ms_of_datetime, now_ms
from analytics.projects import policy
from analytics.projects.models import Project
from analytics.projects.zones import begin_with, write_zones
from columns import plan
from columns.change import Change
from columns.export import export_project
from columns.garbage import collect_files
from columns.merge import merge_project
from columns.rewrite import cut_before, rebuild
from columns.writer import SegmentWriter
from tests.conftest import Api, TestProject, make_project
from tests.query_oracle.brute.answers import ANSWERS
from tests.query_oracle.brute.brute_force import Body
from tests.query_oracle.brute.brute_force import Project as Rules
from tests.query_oracle.questions import Asked
from tests.query_oracle.sameness import MOMENT
from tests.query_oracle.stories import Step, Story, Wire
from tests.stored import store_events
from tests.upkeep.erasure.erasures import ask_to_erase, finish_erasure, reach_everything
from upkeep.erasure import columns as erasing


class Killed(BaseException):
    """The exporter, or who erases, dies here."""


KILL_POINTS: list[tuple[type, str, bool]] = [
    (SegmentWriter, "_draw_id", True),
    (SegmentWriter, "_write", False),
    (SegmentWriter, "_write", True),
    (Change, "apply", False),
    (SegmentWriter, "adopt", True),
    (Change, "apply", True),
]
"""A method, and whether the process dies after it, else before."""


class World:
    """A project of its own in the stores of the tests."""

    def __init__(self, story: Story) -> None:
        self.project: TestProject = make_project(
            f"Story {id(story)} {datetime.now(UTC).isoformat()}",
            time_zone=story.zone,
            leaves_out_bots=story.leaves_out_bots,
        )
        self.rules = Rules(ZoneInfo(story.zone), story.leaves_out_bots)
        self.api = Api(self.project.read_key)
        self.sent: list[Wire] = []
        self.erasures: list[str] = []

    def do(self, step: Step) -> None:
        steps: dict[str, Callable[[], object]] = {
            "store": lambda: self.store(step.argument),
            "again": lambda: self.store(self.sent[-3:]),
            "export": lambda: export_project(self.project.id, most=step.argument),
            "crash": lambda: self.crash(step.argument),
            "merge": self.merge,
            "settle": self.settle,
            "rebuild": lambda: list(rebuild(self.project.id)),
            "erase": lambda: self.erase(*step.argument),
            "collect": self.collect,
            "cut": lambda: self.cut(step.argument),
            "move": lambda: self.move(*step.argument),
        }
        steps[step.name]()

    def store(self, events: list[Wire]) -> None:
        if not events:
            return
        now = datetime.now(UTC)
        dated = []
        for number, event in enumerate(events):
            moment = event["timestamp"]
            given = {"eventId": f"e{len(self.sent) + number}", **event}
            if isinstance(moment, timedelta):
                given["timestamp"] = now - moment
            dated.append(given)
        self.sent += dated
        store_events(self.project, dated)

    def crash(self, point: int) -> None:
        with killed_at(*KILL_POINTS[point % len(KILL_POINTS)]), suppress(Killed):
            export_project(self.project.id)

    def merge(self) -> None:
        merge_project(self.project.id)

    def settle(self) -> None:
        """Until all that is stored has its visits written."""
        while export_project(self.project.id):
            pass
        while merge_project(self.project.id):
            pass

    def erase(self, user_id: str, killed_in: str | None) -> None:
        """As far as it goes until replaced files have to go, or until it is killed."""
        erasure_id = ask_to_erase(self.project, user_id)
        now = now_ms()
        reach_everything(erasure_id, make_place(EntryId(now + 1, 0), 0))
        while now_ms() <= now + 1:  # what is stored from here on is past its reach
            pass
        self.erasures.append(erasure_id)
        with ExitStack() as killed:
            killed.enter_context(suppress(Killed))
            if killed_in:
                killed.enter_context(patch.object(erasing, killed_in, side_effect=Killed))
            finish_erasure(erasure_id)

    def collect(self) -> None:
        """As if a grace had passed, after which erasures come to their end."""
        theirs = {"project": self.project.id}
        collection(mongo.COLUMN_GARBAGE).update_many(theirs, {"$set": {"dueAt": EPOCH}})
        collect_files()
        for erasure_id in self.erasures:
            finish_erasure(erasure_id)

    def cut(self, horizon: datetime) -> None:
        """As retention does it, of raw events and of columns: days after they were exported."""
        while export_project(self.project.id):
            pass
        old = {"project": self.project.id, "timestamp": {"$lt": horizon}}
        collection(mongo.EVENTS).delete_many(old)
        cut_before(self.project.id, ms_of_datetime(horizon))

    def move(self, zone: str, is_in_force: bool) -> None:
        """To another zone: decided days ago, or now, so that it is not in force yet."""
        theirs = {"_id": self.project.row.pk}
        zones = write_zones(begin_with(self.rules.zone.key))
        collection("projects").update_one(
            theirs, {"$set": {"zones": zones, "time_zone": self.rules.zone.key}}
        )
        row = Project.objects.get(pk=self.project.row.pk)
        row.time_zone = zone
        decided = datetime.now(UTC) - (timedelta(days=3) if is_in_force else timedelta(0))
        with patch.object(timezone, "now", lambda: decided):
            row.save()
        policy._policies.clear()  # answers stay remembered, and must not be given for others
        if is_in_force:
            self.rules = replace(self.rules, zone=ZoneInfo(zone))

    def documents(self) -> list[Document]:
        return list(collection(mongo.EVENTS).find({"project": self.project.id}))

    def ask(self, question: Asked) -> tuple[Any, Body]:
        """The answer, and the one that is counted by hand, of the same minute and moment."""
        path, body = question
        while True:
            now = datetime.now(UTC)
            answered = self.api.post(path, body)
            assert answered.status_code == 200, (question, answered.content)
            then = datetime.now(UTC)
            if now.minute == then.minute and then - now < MOMENT:
                return answered.json(), ANSWERS[path](self.documents(), body, self.rules, now)


@contextmanager
def small_cuts(story: Story) -> Iterator[None]:
    """Segments of a few rows, so that days and owners come to lie in several."""
    with ExitStack() as patched:
        if story.cuts_small:
            patched.enter_context(patch.multiple(plan, MIN_ROWS=3, MAX_ROWS=8))
        yield


@contextmanager
def killed_at(of: type, name: str, after: bool) -> Iterator[None]:
    real = getattr(of, name)

    def dying(*given: Any, **named: Any) -> Any:
        if after:
            real(*given, **named)
        raise Killed

    with patch.object(of, name, dying):
        yield
