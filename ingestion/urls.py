"""Both spellings of a path are the same endpoint: a redirected POST would lose its body.

The schema shows the one without a slash.
"""

from django.urls import path

from ingestion.accept.views import ReceiptView
from ingestion.pages.urls import pixel_patterns
from ingestion.receivers.urls import HOT_VIEWS, read_patterns

# What an accepting process answers for itself.
accepting_patterns = [
    *(path(route.removeprefix("/"), view) for route, view in HOT_VIEWS.items()),
    path("event/<rest:event_id>", ReceiptView.as_view()),
    *read_patterns,
    *pixel_patterns,
]

urlpatterns = [
    *accepting_patterns,
]
