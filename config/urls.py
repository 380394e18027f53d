"""Which endpoints this process serves: `ROLE` leaves out what another process serves."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from analytics.web.front_page import favicon_ico, favicon_svg, front_page
from config.accepting_urls import watching_patterns
from ingestion.pages.urls import script_patterns
from upkeep.watch.gauges import metrics_state

# For bookmarks of a release that had no `upkeep` yet.
_MOVED_PAGES = ("erasure", "projectdeletion", "ledgerline")
_READ = ["get", "head"]  # the page of /docs/ cannot render what OPTIONS would say

urlpatterns: list[URLPattern | URLResolver] = [
    path("favicon.ico", favicon_ico),
    path("favicon.svg", favicon_svg),
    *watching_patterns,
    *script_patterns,
    path("", include("people.note_urls")),
    path("metrics/state", metrics_state),
    path("metrics/state/", metrics_state),
    path("schema/", SpectacularAPIView.as_view(http_method_names=_READ), name="schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=_READ),
        name="docs",
    ),
]
if settings.ROLE == "ingest":
    urlpatterns.append(path("", front_page))
if settings.ROLE == "all":
    urlpatterns.append(path("", include("config.events_urls")))
if settings.ROLE in ("all", "ingest"):
    urlpatterns.append(path("", include("ingestion.urls")))
    urlpatterns.append(path("", include("upkeep.urls")))
if settings.ROLE in ("all", "reporting"):
    urlpatterns.append(path("", include("reporting.urls")))
    urlpatterns.append(path("", include("people.urls")))
    shared = include("dashboard.shared_urls", namespace="share")
    urlpatterns.append(path("share/<str:token>/", shared))
    urlpatterns.append(path("", include("exchange.urls")))
    urlpatterns.append(path("", include("dashboard.urls")))
    for page in _MOVED_PAGES:
        view = RedirectView.as_view(url=f"/admin/upkeep/{page}/%(rest)s", query_string=True)
        urlpatterns.append(path(f"admin/ingestion/{page}/", view, {"rest": ""}))
        urlpatterns.append(path(f"admin/ingestion/{page}/<path:rest>", view))
    urlpatterns.append(path("admin/", admin.site.urls))

handler400 = "analytics.web.problems.bad_request"
handler403 = "analytics.web.problems.permission_denied"
handler404 = "analytics.web.problems.not_found"
handler500 = "analytics.web.middleware.server_error"
