"""Both spellings of a path are the same endpoint: a redirected POST would lose its body.

The schema shows the one without a slash.
"""

from django.urls import path

from ingestion.accept.urls import HOT_VIEWS
from ingestion.accept.views import ReceiptView

# What an accepting process answers for itself.
accepting_patterns = [
    *(path(route.removeprefix("/"), view) for route, view in HOT_VIEWS.items()),
    path("event/<rest:event_id>", ReceiptView.as_view()),
]

urlpatterns = [
    *accepting_patterns,
]
