"""One path of two rooms, where a process serves both: events are sent, or read."""

from django.http import HttpRequest, HttpResponseBase
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from ingestion.accept.reply import READING
from ingestion.receivers.urls import HOT_VIEWS
from reporting.web.query_views import EventListView

_take_events, _list_events = HOT_VIEWS["/events"], EventListView.as_view()


@csrf_exempt
def events(request: HttpRequest) -> HttpResponseBase:
    """Both rooms have it below for their own roles."""
    view = _list_events if request.method in READING else _take_events
    return view(request)


urlpatterns = [path("events", events), path("events/", events)]
