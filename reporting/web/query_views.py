"""The endpoints of the query language: POST /query and below, GET /events, GET /properties."""

from dataclasses import replace
from datetime import UTC, datetime

from rest_framework.request import Request
from rest_framework.response import Response

from analytics.events.ids import ms_of_datetime
from analytics.events.moments import cut_to_ms
from analytics.projects.zones import zone_at
from ingestion.accept.body import JSON, read_body, read_media_type
from reporting.ask import answer
from reporting.questions.language.funnel import parse_funnel_query
from reporting.questions.language.journeys import parse_journeys_query
from reporting.questions.language.lists import (
    parse_events_query,
    parse_properties_query,
    point_after,
)
from reporting.questions.language.retention import parse_retention_query
from reporting.questions.language.table import Asker, parse_table_query
from reporting.questions.params import Parameters
from reporting.questions.timestamps import parse_zone
from reporting.raw.stored import read_stored
from reporting.web.behaviour.operations import (
    describe_funnel,
    describe_journeys,
    describe_retention,
)
from reporting.web.behaviour.wire import render_funnel, render_journeys, render_retention
from reporting.web.event_wire import render_event
from reporting.web.query_operations import (
    MAX_BODY_BYTES,
    describe_events,
    describe_properties,
    describe_query,
)
from reporting.web.table_wire import (
    render_events,
    render_local_window,
    render_properties,
    render_table,
)
from reporting.web.views import ReportView


class AskingView(ReportView):
    """A report whose questions go by the ways of the project: its zone, its bots."""

    def asker_of(self, request: Request) -> Asker:
        now = cut_to_ms(datetime.now(UTC))
        return Asker(
            project=self.project_of(request),
            now=now,
            timezone=parse_zone(zone_at(self.zones_of(request), ms_of_datetime(now))),
            raw_horizon=self.raw_horizon_of(request),
            leaves_out_bots=self.key_of(request).leaves_out_bots,
        )

    def body_of(self, request: Request) -> bytes:
        """A question in JSON, and nothing in the query string."""
        Parameters(self.parameters_of(request), ()).check()
        read_media_type(request.META, (JSON,))
        return read_body(request, MAX_BODY_BYTES)


class QueryView(AskingView):
    @describe_query
    def post(self, request: Request) -> Response:
        query = parse_table_query(self.body_of(request), self.asker_of(request))
        return self.respond(render_table(query, answer(query), self.zones_of(request)))


class FunnelView(AskingView):
    @describe_funnel
    def post(self, request: Request) -> Response:
        query = parse_funnel_query(self.body_of(request), self.asker_of(request))
        return self.respond(render_funnel(query, answer(query), self.zones_of(request)))


class RetentionView(AskingView):
    @describe_retention
    def post(self, request: Request) -> Response:
        query = parse_retention_query(self.body_of(request), self.asker_of(request))
        return self.respond(render_retention(query, answer(query), self.zones_of(request)))


class JourneysView(AskingView):
    @describe_journeys
    def post(self, request: Request) -> Response:
        query = parse_journeys_query(self.body_of(request), self.asker_of(request))
        return self.respond(render_journeys(query, answer(query), self.zones_of(request)))


class EventListView(AskingView):
    @describe_events
    def get(self, request: Request) -> Response:
        parameters = self.parameters_of(request)
        query = parse_events_query(parameters, self.asker_of(request))
        # One more than is shown says whether there are more.
        found = answer(replace(query, limit=query.limit + 1))
        places = found.places[: query.limit]
        after = None
        if len(found.places) > query.limit:
            after = point_after(query, places[-1], parameters)
        shows_ip = "admin" in self.key_of(request).scopes
        events = [
            render_event(event, shows_ip=shows_ip) for event in read_stored(query.project, places)
        ]
        window = render_local_window(query.window, query.timezone)
        return self.respond(render_events(events, after, window, found.provenance, found.rows_read))


class PropertiesView(AskingView):
    @describe_properties
    def get(self, request: Request) -> Response:
        query = parse_properties_query(self.parameters_of(request), self.asker_of(request))
        return self.respond(render_properties(query, answer(query)))
