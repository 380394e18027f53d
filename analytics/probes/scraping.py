"""`/metrics`, and who may read it: a bearer of METRICS_TOKEN, or an address that is listed."""

import hmac
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from analytics.metrics.sharing import render_counters
from analytics.web.client_ip import client_ip, forwarded_ip
from analytics.web.problems import Forbidden, MethodNotAllowed, Problem, problem_response

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_METHODS = ("GET", "HEAD")
_FORWARDED = (
    *("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP"),
    *("HTTP_FORWARDED", "HTTP_VIA"),
)


@csrf_exempt  # else Django answers a POST with a page about cookies
def metrics(request: HttpRequest) -> HttpResponse:
    """The counters of all processes of this service."""
    return answer_scrape(request, render_counters)


def answer_scrape(request: HttpRequest, render: Any) -> HttpResponse:
    """What `render` makes, for those who may read it."""
    try:
        if request.method not in _METHODS:
            detail = f'Method "{request.method}" not allowed.'
            raise MethodNotAllowed(detail, headers={"Allow": ", ".join(_METHODS)})
        require_scraper(request.META)
    except Problem as problem:
        return problem_response(problem)
    return HttpResponse(render(), content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def require_scraper(meta: Mapping[str, Any]) -> None:
    """Raises Forbidden unless the request may read metrics."""
    if not (_has_token(meta) or _is_listed(meta)):
        raise Forbidden("Metrics are not for everyone.", code="metrics_forbidden")


def _has_token(meta: Mapping[str, Any]) -> bool:
    scheme, _, text = str(meta.get("HTTP_AUTHORIZATION", "")).partition(" ")
    given, wanted = text.strip().encode(), settings.METRICS_TOKEN.encode()
    return bool(wanted) and scheme.lower() == "bearer" and hmac.compare_digest(given, wanted)


def _is_listed(meta: Mapping[str, Any]) -> bool:
    """Whether the client's address is in METRICS_ALLOWED_IPS.

    A request that came through a proxy which was not counted, or does not say for whom it asks,
    carries the proxy's address: it is not believed to be from next door.
    """
    is_forwarded = any(name in meta for name in _FORWARDED)
    text = forwarded_ip(meta) if is_forwarded else client_ip(meta)
    if text is None:
        return False
    address = ip_address(text)
    return any(address in network for network in settings.METRICS_ALLOWED_IPS)
