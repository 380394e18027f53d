from django.urls import path

from ingestion.views import EventsView, EventView, ReceiptView

urlpatterns = [
    path("event", EventView.as_view()),
    path("event/", EventView.as_view()),
    path("events", EventsView.as_view()),
    path("events/", EventsView.as_view()),
    path("event/<path:event_id>", ReceiptView.as_view()),
]
