"""Both spellings of a path are the same endpoint: a redirected POST would lose its body.

The schema shows the one without a slash.
"""

from django.urls import path

from ingestion.accept.urls import HOT_VIEWS
from ingestion.accept.views import ReceiptView
from ingestion.erasure.views import JobView, UserView

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
