"""Questions of a page: written in the query language, and answered as `POST /query` answers them.

So there is no number on a page that the API does not give.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.http import QueryDict

from analytics.events.moments import cut_to_ms
from analytics.projects.models import Project
from dashboard.shared import share
from reporting.ask import answer
from reporting.columns.slots import asks_as_guest
from reporting.desk import ProjectDesk, encode, find_ways
from reporting.questions.language.funnel import parse_funnel_query
from reporting.questions.language.journeys import parse_journeys_query
from reporting.questions.language.lists import parse_events_query, parse_properties_query
from reporting.questions.language.retention import parse_retention_query
from reporting.questions.query import parse_realtime_query
from reporting.raw.stored import find_latest, read_stored
from reporting.web.behaviour.wire import render_funnel, render_journeys, render_retention
from reporting.web.event_wire import render_event
from reporting.web.table_wire import render_properties
from reporting.web.wire import Json, render_realtime


@dataclass(frozen=True, slots=True)
class Current:
    """Visitors of the last five minutes, as of `fresh`; `views` are {minute, views}, of thirty."""

    visitors: int
    fresh: datetime
    views: Sequence[Json]


@dataclass(frozen=True, slots=True)
class Desk(ProjectDesk):
    """Where questions of one project are asked, by the project's ways.

    They are as of the minute that runs: "until 10:42" is meant so, and who looks in the same minute
    asks the same, which is answered once.
    """

    def of_this_moment(self) -> "Desk":
        """The same, as of now and not of the minute: for what is shown as it happens."""
        return replace(self, asker=replace(self.asker, now=cut_to_ms(read_clock())))

    def ask(self, *bodies: Mapping[str, Any]) -> list[Json]:
        """Answers to bodies of `POST /query`, all of one moment. Raises what `answer_all` does.

        They are shared with who asks the same at this time, and must not be changed.
        """
        queries = [self.parse(body) for body in bodies]
        # Nobody waits for a guest, who may wait for others.
        asked = tuple(encode(body) for body in bodies)
        key = (self.asker, tuple(self.zones), asked, asks_as_guest())
        return share(key, lambda: self._answer(queries))

    def share_now(self, condition: Json | None = None) -> Current:
        """As `ask_now`, with who asks the same at this time."""
        key = (self.asker.project, "now", json.dumps(condition), self.asker.leaves_out_bots)
        return share(key, lambda: self.ask_now(condition))

    def ask_now(self, condition: Json | None = None) -> Current:
        """As `GET /stats/realtime` with that filter."""
        given = QueryDict(mutable=True)
        if condition:
            given["filter"] = json.dumps(condition)
        query = parse_realtime_query(
            self.asker.project,
            given,
            cut_to_ms(read_clock()),
            leaves_out_bots=self.asker.leaves_out_bots,
            visit_zone=str(self.zone),
        )
        found = render_realtime(query, answer(query))
        fresh = datetime.fromisoformat(found["meta"]["freshAsOf"]).astimezone(self.zone)
        return Current(found["visitors"], fresh, found["views"])

    def ask_funnel(self, body: Mapping[str, Any]) -> Json:
        """As `POST /query/funnel`. Raises what `answer` does, and so do the next two."""
        query = parse_funnel_query(encode(body), self.asker)
        return render_funnel(query, answer(query), self.zones)

    def ask_retention(self, body: Mapping[str, Any]) -> Json:
        """As `POST /query/retention`."""
        query = parse_retention_query(encode(body), self.asker)
        return render_retention(query, answer(query), self.zones)

    def ask_journeys(self, body: Mapping[str, Any]) -> Json:
        """As `POST /query/journeys`."""
        query = parse_journeys_query(encode(body), self.asker)
        return render_journeys(query, answer(query), self.zones)

    def list_properties(self, window: Mapping[str, str], event: str | None = None) -> Json:
        """As `GET /properties` with that window; of all events but the service's own, or of one."""
        given = QueryDict(mutable=True)
        given.update(window)
        if event is not None:
            given["event"] = event
        query = replace(parse_properties_query(given, self.asker), leaves_out_ours=True)
        return render_properties(query, answer(query))

    def list_events(
        self, window: Mapping[str, str], condition: Json | None, limit: int
    ) -> list[Json]:
        """As `GET /events` for who may not see addresses, the newest first."""
        given = QueryDict(mutable=True)
        given.update({**window, "limit": str(limit)})
        if condition:
            given["filter"] = json.dumps(condition)
        query = parse_events_query(given, self.asker)
        events = read_stored(query.project, answer(query).places)
        return [render_event(event, shows_ip=False) for event in events]

    def find_latest(self) -> datetime | None:
        """When the latest event was, in the project's zone, a bot's too; None before any."""
        found = find_latest(self.asker.project)
        return found and found.astimezone(self.zone)


def read_clock() -> datetime:
    """For a test to say what time it is."""
    return datetime.now(UTC)


def open_desk(project: Project) -> Desk:
    """Raises PyMongoError."""
    return Desk(project, *find_ways(project, read_clock().replace(second=0, microsecond=0)))
