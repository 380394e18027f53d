"""Both spellings of a path are the same endpoint: a redirected POST would lose its body.

The schema shows the one without a slash.
"""

from django.urls import path

from ingestion.erasure.views import JobView, UserView
from ingestion.views import EventsView, EventView, ReceiptView

HOT_VIEWS = {
    "/event": EventView.as_view(),
    "/event/": EventView.as_view(schema=None),
    "/events": EventsView.as_view(),
    "/events/": EventsView.as_view(schema=None),
}

# What an accepting process answers for itself.
accepting_patterns = [
    *(path(route.removeprefix("/"), view) for route, view in HOT_VIEWS.items()),
    path("event/<path:event_id>", ReceiptView.as_view()),
]

urlpatterns = [
    *accepting_patterns,
    path("users/<path:user_id>", UserView.as_view()),
    path("erasures/<str:erasure_id>", JobView.as_view()),
    path("erasures/<str:erasure_id>/", JobView.as_view(schema=None)),
]
