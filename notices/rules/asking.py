"""Questions of rules: in the query language, and answered as `POST /query` and pages are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analytics.projects.models import Project
from notices.documents import WindowFacts
from notices.rules.slots import Slot
from people.saved.filters import BadFilter, Json, parse_filter
from people.saved.meanings import read_goal_conditions
from people.saved.models import Goal
from reporting.desk import ProjectDesk, find_ways


class Broken(Exception):
    """A rule that cannot be judged as it is; `code` and the text say why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Desk(ProjectDesk):
    """Where the questions of the rules of one project are asked."""

    def write(self, slot: Slot) -> Json:
        """The window as a question has it."""
        return {"start": self.tell(slot.start), "end": self.tell(slot.end)}

    def tell(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).isoformat()


def open_desk(project: Project, now: datetime) -> Desk:
    """Raises PyMongoError."""
    return Desk(project, *find_ways(project, now))


def read_filters(texts: list[str]) -> list[Json]:
    """Filters of an address as conditions. Raises Broken."""
    try:
        return [parse_filter(text).condition for text in texts]
    except BadFilter as exc:
        raise Broken("bad_filter", f"One of its filters {exc}.") from None


def find_goal(project: Project, goal_id: str) -> Goal:
    """Raises Broken for one that was deleted."""
    goal = Goal.of_project(project.pk).filter(pk=goal_id).first()
    if goal is None:
        raise Broken("goal_deleted", "Its goal was deleted: choose another one.")
    return goal


def read_goal(goal: Goal) -> Json:
    """Raises Broken."""
    try:
        conditions = read_goal_conditions(goal)
    except BadFilter as exc:
        raise Broken("bad_filter", f"One of the conditions of its goal {exc}.") from None
    return join(conditions) or {}


def join(conditions: "list[Json] | tuple[Json, ...]") -> Json | None:
    """All of them as one; None without any."""
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return {"and": list(conditions)}


def tell_window(desk: Desk, slot: Slot, unit: Any) -> WindowFacts:
    return {"start": desk.tell(slot.start), "end": desk.tell(slot.end), "unit": unit}
