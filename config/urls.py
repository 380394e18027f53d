"""Which endpoints this process serves: `ROLE` leaves out what another process serves."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from analytics.web.front_page import favicon_ico, favicon_svg, front_page
from config.accepting_urls import watching_patterns
from upkeep.watch.gauges import metrics_state

_READ = ["get", "head"]  # the page of /docs/ cannot render what OPTIONS would say

urlpatterns: list[URLPattern | URLResolver] = [
    path("", front_page),
    path("favicon.ico", favicon_ico),
    path("favicon.svg", favicon_svg),
    *watching_patterns,
    path("metrics/state", metrics_state),
    path("metrics/state/", metrics_state),
    path("schema/", SpectacularAPIView.as_view(http_method_names=_READ), name="schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=_READ),
        name="docs",
    ),
]
if settings.ROLE in ("all", "ingest"):
    urlpatterns.append(path("", include("ingestion.urls")))
    urlpatterns.append(path("", include("upkeep.urls")))
if settings.ROLE in ("all", "reporting"):
    urlpatterns.append(path("", include("reporting.urls")))
    urlpatterns.append(path("admin/", admin.site.urls))

handler400 = "analytics.web.problems.bad_request"
handler403 = "analytics.web.problems.permission_denied"
handler404 = "analytics.web.problems.not_found"
handler500 = "analytics.web.middleware.server_error"
