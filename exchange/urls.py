"""Both spellings of a path are the same endpoint, and the schema shows the one without a slash."""

from django.urls import path

from exchange.incoming.web.views import (
    ImportChoiceView,
    ImportConfirmationView,
    ImportDetailView,
    ImportFileView,
    ImportsView,
)
from exchange.outgoing.web.views import ExportDetailView, ExportFileView, ExportsView
from reporting.web.views import ReportView

VIEWS: dict[str, type[ReportView]] = {
    "exports": ExportsView,
    "exports/<str:export_id>": ExportDetailView,
    "exports/<str:export_id>/file": ExportFileView,
    "imports": ImportsView,
    "imports/<str:import_id>": ImportDetailView,
    "imports/<str:import_id>/file": ImportFileView,
    "imports/<str:import_id>/choice": ImportChoiceView,
    "imports/<str:import_id>/confirmation": ImportConfirmationView,
}

urlpatterns = [path(route, view.as_view()) for route, view in VIEWS.items()]
urlpatterns += [path(f"{route}/", view.as_view(schema=None)) for route, view in VIEWS.items()]
