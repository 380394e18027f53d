"""Questions of a project that no request asks: in the query language, by the project's ways, and
answered as `POST /query` answers them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from analytics.events.ids import ms_of_datetime
from analytics.events.moments import cut_to_ms
from analytics.projects.horizon import raw_horizon
from analytics.projects.models import Project
from analytics.projects.policy import find_policy
from analytics.projects.zones import Zones, zone_at
from reporting.ask import answer_all
from reporting.questions.language.table import Asker, parse_table_query
from reporting.questions.table import TableQuery
from reporting.questions.timestamps import parse_zone
from reporting.web.table_wire import render_table
from reporting.web.wire import Json


@dataclass(frozen=True, slots=True)
class ProjectDesk:
    """Where the questions of one project are asked, as of `now`."""

    project: Project
    asker: Asker
    zones: Zones

    @property
    def now(self) -> datetime:
        return self.asker.now

    @property
    def zone(self) -> tzinfo:
        return self.asker.timezone

    def parse(self, body: Mapping[str, Any]) -> TableQuery:
        """Raises BadRequest."""
        return parse_table_query(encode(body), self.asker)

    def ask(self, *bodies: Mapping[str, Any]) -> list[Json]:
        """Answers to bodies of `POST /query`, all of one moment. Raises what `answer_all` does."""
        return self._answer([self.parse(body) for body in bodies])

    def _answer(self, queries: Sequence[TableQuery]) -> list[Json]:
        pairs = zip(queries, answer_all(queries), strict=True)
        return [render_table(query, found, self.zones) for query, found in pairs]


def find_ways(project: Project, now: datetime) -> tuple[Asker, Zones]:
    """How a project asks, as of then, and its zones. Raises PyMongoError."""
    now = cut_to_ms(now)
    zones = find_policy(project.id_bytes).zones
    horizon = raw_horizon(project.retention_days, project.raw_since)
    asker = Asker(
        project=project.id_bytes,
        now=now,
        timezone=parse_zone(zone_at(zones, ms_of_datetime(now))),
        raw_horizon=horizon and cut_to_ms(horizon),
        leaves_out_bots=project.leaves_out_bots,
    )
    return asker, zones


def encode(body: Mapping[str, Any]) -> bytes:
    """As a body of a request, without what is not said."""
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()
