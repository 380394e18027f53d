"""The WSGI application of an accepting process: what is not its own goes to a reporting one."""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from django.conf import settings
from django.core.handlers.wsgi import get_path_info
from django.http import QueryDict
from django.urls import Resolver404, resolve

from ingestion.accept.reply import READING
from ingestion.server.relay.application import Relay


def leave_reports(address: str) -> None:
    """Have this process, just forked, leave to others what it does not serve itself."""
    settings.RELAY_ADDRESS = address
    settings.ROOT_URLCONF = "config.accepting_urls"


class Relaying:
    """Django where `ROOT_URLCONF` knows the path, else the relay."""

    def __init__(self, django: Any, relay: Relay) -> None:
        self._django = django
        self._relay = relay

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        application = self._django if is_own(environ) else self._relay
        answer: Iterable[bytes] = application(environ, start_response)
        return answer


def is_own(environ: WSGIEnvironment) -> bool:
    """Whether this process answers. It cannot say that reports are answered: they are asked."""
    path = get_path_info(environ)
    if path.rstrip("/") == "/events" and environ["REQUEST_METHOD"] in READING:
        return False
    if path.rstrip("/") == "/readyz":
        return QueryDict(environ.get("QUERY_STRING", "")).get("for") != "reporting"
    try:
        resolve(path)
    except Resolver404:
        return False
    return True
