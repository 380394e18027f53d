"""Questions of rules: in the query language, and answered as `POST /query` and pages are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from analytics.events.ids import ms_of_datetime
from analytics.events.moments import cut_to_ms
from analytics.projects.horizon import raw_horizon
from analytics.projects.models import Project
from analytics.projects.policy import find_policy
from analytics.projects.zones import Zones, zone_at
from notices.documents import WindowFacts
from notices.rules.slots import Slot
from people.saved.filters import BadFilter, Json, parse_filter
from people.saved.meanings import read_goal_conditions
from people.saved.models import Goal
from reporting.ask import answer_all
from reporting.questions.language.table import Asker, parse_table_query
from reporting.questions.timestamps import parse_zone
from reporting.web.table_wire import render_table


class Broken(Exception):
    """A rule that cannot be judged as it is; `code` and the text say why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the questions of one project are asked, by its ways, as of `now`."""

    project: Project
    asker: Asker
    zones: Zones

    @property
    def now(self) -> datetime:
        return self.asker.now

    @property
    def zone(self) -> tzinfo:
        return self.asker.timezone

    def ask(self, *bodies: Mapping[str, Any]) -> list[Json]:
        """Answers to bodies of `POST /query`, all of one moment. Raises what `answer_all` does."""
        queries = [parse_table_query(encode(body), self.asker) for body in bodies]
        pairs = zip(queries, answer_all(queries), strict=True)
        return [render_table(query, found, self.zones) for query, found in pairs]

    def write(self, slot: Slot) -> Json:
        """The window as a question has it."""
        return {"start": self.tell(slot.start), "end": self.tell(slot.end)}

    def tell(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).isoformat()


def open_desk(project: Project, now: datetime) -> Desk:
    """Raises PyMongoError."""
    zones = find_policy(project.id_bytes).zones
    now = cut_to_ms(now)
    horizon = raw_horizon(project.retention_days, project.raw_since)
    asker = Asker(
        project=project.id_bytes,
        now=now,
        timezone=parse_zone(zone_at(zones, ms_of_datetime(now))),
        raw_horizon=horizon and cut_to_ms(horizon),
        leaves_out_bots=project.leaves_out_bots,
    )
    return Desk(project, asker, zones)


def encode(body: Mapping[str, Any]) -> bytes:
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


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
