"""The endpoints that take the load."""

from ingestion.accept.views import EventsView, EventView

HOT_VIEWS = {
    "/event": EventView.as_view(),
    "/event/": EventView.as_view(schema=None),
    "/events": EventsView.as_view(),
    "/events/": EventsView.as_view(schema=None),
}
