"""The reporting endpoints: parse the question, ask, render the answer."""

import time
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, cast

from django.core.exceptions import TooManyFieldsSent
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.events.ids import ms_of_datetime
from analytics.events.moments import cut_to_ms
from analytics.keys.rates import count_request
from analytics.keys.records import KeyRecord
from analytics.metrics.tracing import trace_request
from analytics.projects.horizon import raw_horizon
from analytics.projects.policy import find_policy
from analytics.projects.zones import Zones, zone_at
from analytics.web.problems import BadRequest
from reporting.ask import answer
from reporting.questions.params import MultiDict
from reporting.questions.query import (
    parse_breakdown_query,
    parse_realtime_query,
    parse_series_query,
    parse_stats_query,
)
from reporting.web.authentication import ReadKeyAuthentication
from reporting.web.key_view import KeyView
from reporting.web.schema import (
    describe_breakdown,
    describe_realtime,
    describe_series,
    describe_stats,
)
from reporting.web.wire import Json, render_breakdown, render_realtime, render_series, render_stats

AnyQuery = TypeVar("AnyQuery", covariant=True)


class Parser(Protocol[AnyQuery]):
    def __call__(
        self,
        project: bytes,
        given: MultiDict,
        raw_horizon: datetime | None = None,
        *,
        leaves_out_bots: bool = False,
    ) -> AnyQuery: ...


class ReportView(KeyView):
    """What every report has in common: a key with the scope `read`, JSON, nothing cached."""

    authentication_classes = (ReadKeyAuthentication,)

    started_at: float
    key: KeyRecord | None = None

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        with trace_request(request.META) as span:
            response = super().dispatch(request, *args, **kwargs)
            if span:
                span.set_attribute("http.response.status_code", response.status_code)
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.started_at = time.perf_counter()
        if request.method == "OPTIONS":
            return
        super().initial(request, *args, **kwargs)
        self.key = self.key_of(request)
        key = self.key_of(request)
        self.rate_headers = count_request(request, key, "reporting", "REPORTING_RATE")

    def key_of(self, request: Request) -> KeyRecord:
        return cast(KeyRecord, request.auth)

    def project_of(self, request: Request) -> bytes:
        """The key's project: the only one that this request may know of."""
        return self.key_of(request).project_id

    def zones_of(self, request: Request) -> Zones:
        """The time zones that the project's days are and were in. Raises PyMongoError."""
        return find_policy(self.project_of(request)).zones

    def raw_horizon_of(self, request: Request) -> datetime | None:
        """From when on the project keeps all raw events; None: from ever."""
        key = self.key_of(request)
        horizon = raw_horizon(key.retention_days, key.raw_since)
        return horizon and cut_to_ms(horizon)

    def parse(self, parser: Parser[AnyQuery], request: Request) -> AnyQuery:
        return parser(
            self.project_of(request),
            self.parameters_of(request),
            self.raw_horizon_of(request),
            leaves_out_bots=self.key_of(request).leaves_out_bots,
        )

    def parameters_of(self, request: Request) -> QueryDict:
        try:
            return request.query_params
        except TooManyFieldsSent:
            detail = "The query string has too many parameters."
            raise BadRequest(detail, code="too_many_parameters") from None

    def respond(self, body: Json) -> Response:
        body["meta"]["tookMs"] = round((time.perf_counter() - self.started_at) * 1000)
        return Response(body)


class StatsView(ReportView):
    @describe_stats
    def get(self, request: Request) -> Response:
        query = self.parse(parse_stats_query, request)
        return self.respond(render_stats(query, answer(query), self.zones_of(request)))


class SeriesView(ReportView):
    @describe_series
    def get(self, request: Request) -> Response:
        query = self.parse(parse_series_query, request)
        return self.respond(render_series(query, answer(query), self.zones_of(request)))


class BreakdownView(ReportView):
    @describe_breakdown
    def get(self, request: Request) -> Response:
        query = self.parse(parse_breakdown_query, request)
        return self.respond(render_breakdown(query, answer(query), self.zones_of(request)))


class RealtimeView(ReportView):
    @describe_realtime
    def get(self, request: Request) -> Response:
        now = cut_to_ms(datetime.now(UTC))
        project = self.project_of(request)
        leaves_out_bots = self.key_of(request).leaves_out_bots
        query = parse_realtime_query(
            project,
            self.parameters_of(request),
            now,
            leaves_out_bots=leaves_out_bots,
            visit_zone=zone_at(self.zones_of(request), ms_of_datetime(now)),
        )
        return self.respond(render_realtime(query, answer(query)))
