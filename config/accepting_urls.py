"""What a process answers for itself that leaves the reports to others.

A monitor that asks whether it lives, and what it counted, must not wait behind reports.
"""

from django.urls import URLPattern, path

from analytics.probes.health import healthz, readyz
from analytics.probes.scraping import metrics
from ingestion.pages.urls import script_patterns
from ingestion.urls import accepting_patterns

watching_patterns = [
    path("healthz", healthz),
    path("healthz/", healthz),
    path("readyz", readyz),
    path("readyz/", readyz),
    path("metrics", metrics),
    path("metrics/", metrics),
]
urlpatterns: list[URLPattern] = [*watching_patterns, *script_patterns, *accepting_patterns]

handler400 = "analytics.web.problems.bad_request"
handler403 = "analytics.web.problems.permission_denied"
handler404 = "analytics.web.problems.not_found"
handler500 = "analytics.web.problems.server_error"
