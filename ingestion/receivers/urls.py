"""The doors: every path that takes events, and what clients of other vendors ask beside them."""

from collections.abc import Iterator, Mapping

from django.urls import URLPattern, path

from ingestion.receivers.listing import ReceiversView
from ingestion.receivers.receiver import View
from ingestion.receivers.table import RECEIVERS
from ingestion.receivers.vendors.cloud_events_view import AnyEventsView, AnyEventView
from ingestion.receivers.view import make_view


def _list_views() -> Iterator[tuple[str, View]]:
    for receiver in RECEIVERS:
        view = make_view(receiver)
        for route, other in [
            *((one, view) for one in receiver.paths),
            *receiver.other_views().items(),
        ]:
            yield route, other
            yield f"{route}/", other


HOT_VIEWS: Mapping[str, View] = {
    "/event": AnyEventView.as_view(),
    "/event/": AnyEventView.as_view(schema=None),
    "/events": AnyEventsView.as_view(),
    "/events/": AnyEventsView.as_view(schema=None),
    **dict(_list_views()),
}

read_patterns: list[URLPattern] = [
    path("receivers", ReceiversView.as_view()),
    path("receivers/", ReceiversView.as_view(schema=None)),
    *(pattern for receiver in RECEIVERS for pattern in receiver.read_patterns()),
]
