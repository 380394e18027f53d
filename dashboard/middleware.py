"""What every page says of itself: what it may load, and that nobody may keep or frame it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from dashboard.names import APP_NAME

FRAMED_BY_NOBODY = "frame-ancestors 'none'"
# No inline script and no inline style: what hostile text became of a mistake of ours does not run.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        FRAMED_BY_NOBODY,
    )
)
REFERRER = "Referrer-Policy"  # a page may say less
HEADERS = {
    "Content-Security-Policy": POLICY,
    REFERRER: "same-origin",  # addresses hold filters
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex",
}


class PageHeaders:
    """Of the pages of this app alone; the admin and /docs/ have a policy of their own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._gzip = GZipMiddleware(lambda request: HttpResponse())

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        match = request.resolver_match
        if match is None or APP_NAME not in match.app_names:
            return response
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response["Cache-Control"] = HEADERS["Cache-Control"]
        # Its secrets are masked anew in each answer, and the length is blurred.
        return self._gzip.process_response(request, response)
