"""The endpoints that take the load, served without what they have no use for.

Django's middleware, signals and URL resolver serve sessions, static files and forms; on POST
/event they cost several times what accepting an event costs. Here a request for one of the hot
paths goes straight to its DRF view; every other one goes the usual way.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus
from time import perf_counter
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from django.conf import settings
from django.http import HttpResponse

from analytics.keys.failures import group_address
from analytics.keys.origins import answer_headers
from analytics.metrics.counting import note_answered
from analytics.web.client_ip import client_ip
from analytics.web.problems import Forbidden, Problem, problem_response
from analytics.web.request_id import HEADER as REQUEST_ID
from analytics.web.request_id import request_id_of
from ingestion.accept.reply import READING, HotRequest, Reply
from ingestion.pages.urls import READ_VIEWS, REFUSING, View
from ingestion.receivers.urls import HOT_VIEWS
from ingestion.server.malformed import render_error
from ingestion.server.plain_request import make_request_lines

log = structlog.get_logger(__name__)

Answer = tuple[str, HttpResponse | Reply, list[tuple[str, str]]]

# As RFC 2046 lets a boundary be, without what would need quotes.
_BOUNDARY = re.compile(r"""boundary=("?)([0-9A-Za-z'+_.-]{1,70})\1\s*(?:;|$)""", re.IGNORECASE)
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class HotPath:
    """A WSGI application in front of Django's."""

    # Of the paths, those whose requests may be answered in turns.
    in_turns: Collection[str] = ()

    def __init__(self, django: WSGIApplication) -> None:
        self._django = django
        is_open = settings.ROLE in ("all", "ingest")
        self._views = HOT_VIEWS if is_open else {}
        self._read_views = READ_VIEWS if is_open else {}
        self.plain_lines = make_request_lines(self._views)
        self._https_only = settings.SECURE_SSL_REDIRECT
        self._headers = security_headers()
        # What the worker asks for, which is loaded before Django.
        self.body_timeout_seconds = settings.BODY_TIMEOUT_SECONDS
        self.head_timeout_seconds = settings.HEAD_TIMEOUT_SECONDS

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self.is_hot(environ["PATH_INFO"], environ["REQUEST_METHOD"]):
            drop_charset(environ)
            return self._django(environ, start_response)
        status_line, response, headers = self.answer(environ)
        start_response(status_line, headers)
        return (response.content,)

    def is_hot(self, path: str, method: str) -> bool:
        """Whether it sends events, or a page reads what it needs to; reports are read elsewhere."""
        return path in self._find_views(method)

    def _find_views(self, method: str) -> Mapping[str, View]:
        return self._read_views if method in READING else self._views

    def answer(self, environ: WSGIEnvironment) -> Answer:
        """Status line, response and all its headers; `environ` needs no `wsgi.errors` and such."""
        started = perf_counter()
        request = HotRequest(environ)
        method = environ["REQUEST_METHOD"]
        try:
            if self.is_refused(environ):
                raise Forbidden("Send this over HTTPS.", code="https_required")
            response: HttpResponse | Reply = self._find_views(method)[request.path](request)
        except Forbidden as refusal:
            response = _refuse(environ, refusal)
        except Exception:
            request_id = request_id_of(environ)
            log.exception("unexpected_error", path=request.path, request_id=request_id)
            response = _refuse(environ, Problem("Something failed here. It has been logged."))
        return self.complete(environ, response, started)

    def complete(
        self, environ: WSGIEnvironment, response: HttpResponse | Reply, started: float
    ) -> Answer:
        """What goes out, and is counted; `started` by `time.perf_counter()`."""
        headers = [*response.items(), *self._headers]
        if response.status_code >= 400:
            headers.append((REQUEST_ID, request_id_of(environ)))
        note_answered(environ["PATH_INFO"], response.status_code, started)
        return _STATUS_LINES[response.status_code], response, headers

    def is_refused(self, environ: WSGIEnvironment) -> bool:
        """Whether it is to come over HTTPS, and does not.

        No redirect, as on other paths: it would lose the body, and invite to do it again.
        """
        return self._https_only and not _is_secure(environ)

    def find_address(self, peer: object) -> str | None:
        """Whom a connection comes from, as far as that is known before its first request.

        Behind proxies of our own it is None: all connections come from there, and the client is
        named in the head of each request.
        """
        if settings.TRUSTED_PROXIES or not isinstance(peer, tuple):
            return None
        return group_address(client_ip({"REMOTE_ADDR": peer[0]}))

    def note_dropped(self, reason: str) -> None:
        """A connection was closed in favour of another one, without an answer."""
        log.warning("connection_dropped", reason=reason)

    def render_error(self, error: BaseException) -> bytes:
        """The answer to what is no request, or broke the server."""
        return render_error(error)


def drop_charset(environ: WSGIEnvironment) -> None:
    """Text is UTF-8, whatever a request says.

    Django would decode query and form by any codec of Python's that `Content-Type` names, and some
    make lone surrogates, or are for something else than text. What divides the parts of a form that
    brings a file stays.
    """
    if ";" in (content_type := environ.get("CONTENT_TYPE", "")):
        kept, _, parameters = content_type.partition(";")
        if kept.strip().lower() == "multipart/form-data" and (
            found := _BOUNDARY.search(parameters)
        ):
            kept = f"{kept.strip()}; boundary={found[2]}"
        environ["CONTENT_TYPE"] = kept


def _refuse(environ: WSGIEnvironment, problem: Problem) -> HttpResponse | Reply:
    """What no view answers, readable to pages as what they answer before the key is known."""
    if environ["REQUEST_METHOD"] in READING and (refuse := REFUSING.get(environ["PATH_INFO"])):
        return refuse(problem.code)
    response = problem_response(problem)
    if origin := environ.get("HTTP_ORIGIN"):
        for name, value in answer_headers(origin, None).items():
            response.headers[name] = value
    return response


def _is_secure(environ: WSGIEnvironment) -> bool:
    """As HttpRequest.scheme tells: by our own proxy's word, where there is one."""
    if settings.SECURE_PROXY_SSL_HEADER:
        header, value = settings.SECURE_PROXY_SSL_HEADER
        if header in environ:
            return bool(environ[header].partition(",")[0].strip() == value)
    return bool(environ["wsgi.url_scheme"] == "https")


def security_headers() -> list[tuple[str, str]]:
    """Those that Django's SecurityMiddleware would add."""
    headers = [("X-Content-Type-Options", "nosniff")]
    if settings.SECURE_HSTS_SECONDS:
        value = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
        headers.append(("Strict-Transport-Security", value))
    return headers
