"""GET /tracker.js and its like: from memory, to every page there is."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from analytics.web.problems import MethodNotAllowed, problem_response
from analytics.web.scripts import Served
from ingestion.accept.reply import READING, HotRequest, Reply

# It is the same for everybody. A page that embeds nothing without leave may embed it, with
# `crossorigin` and `integrity` as well.
_OPEN = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Timing-Allow-Origin": "*",
    "Vary": "Accept-Encoding",
}


def make_script_view(served: Served) -> Callable[[HttpRequest], HttpResponse | Reply]:
    script = served.script
    headers = {
        "Content-Type": "text/javascript; charset=utf-8",
        "Cache-Control": served.cache_control,
        "ETag": script.etag,
        **_OPEN,
    }

    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse | Reply:
        if request.method not in READING:
            allowed = {"Allow": ", ".join(READING)}
            detail = f'Method "{request.method}" not allowed.'
            return problem_response(MethodNotAllowed(detail, headers=allowed))
        reply = _answer(request)
        return reply if isinstance(request, HotRequest) else reply.as_django()

    def _answer(request: HttpRequest) -> Reply:
        meta = request.META
        if script.etag in meta.get("HTTP_IF_NONE_MATCH", ""):
            return Reply.of_bytes(304, b"", headers)
        if "gzip" in meta.get("HTTP_ACCEPT_ENCODING", ""):
            return Reply.of_bytes(200, script.packed, {**headers, "Content-Encoding": "gzip"})
        return Reply.of_bytes(200, script.content, headers)

    return view
