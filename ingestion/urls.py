"""Both spellings of a path are the same endpoint: a redirected POST would lose its body."""

from django.urls import path

from ingestion.views import EventsView, EventView, ReceiptView

_event, _events = EventView.as_view(), EventsView.as_view()

HOT_VIEWS = {"/event": _event, "/event/": _event, "/events": _events, "/events/": _events}

urlpatterns = [
    *(path(route.removeprefix("/"), view) for route, view in HOT_VIEWS.items()),
    path("event/<path:event_id>", ReceiptView.as_view()),
]
