"""Both spellings of each path are the same endpoint; the schema shows the one without a slash."""

from django.urls import path

from reporting.web.query_views import (
    EventListView,
    FunnelView,
    JourneysView,
    PropertiesView,
    QueryView,
    RetentionView,
)
from reporting.web.views import BreakdownView, RealtimeView, ReportView, SeriesView, StatsView

VIEWS: dict[str, type[ReportView]] = {
    "events": EventListView,
    "properties": PropertiesView,
    "query": QueryView,
    "query/funnel": FunnelView,
    "query/journeys": JourneysView,
    "query/retention": RetentionView,
    "stats": StatsView,
    "stats/timeseries": SeriesView,
    "stats/breakdown": BreakdownView,
    "stats/realtime": RealtimeView,
}

urlpatterns = [path(route, view.as_view()) for route, view in VIEWS.items()]
urlpatterns += [path(f"{route}/", view.as_view(schema=None)) for route, view in VIEWS.items()]
