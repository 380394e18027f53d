"""What an accepting process does with a request that is not its own: ask a reporting process.

A WSGI application. HTTP stays here, so a connection may mix events and reports; what a report
computes is done elsewhere, and this process accepts meanwhile.
"""

from collections.abc import Iterable
from time import perf_counter
from wsgiref.types import StartResponse, WSGIEnvironment

import structlog
from django.conf import settings

from analytics.metrics.counting import note_answered
from analytics.web.problems import Problem, Unavailable, problem_response
from analytics.web.request_id import HEADER as REQUEST_ID
from analytics.web.request_id import request_id_of
from ingestion.accept.body import read_as_sent
from ingestion.server.hot_path import security_headers
from ingestion.server.relay.call import RelayCall
from ingestion.server.relay.frames import RelayedRequest, encode

log = structlog.get_logger(__name__)

# The refusals below count under this name; what was relayed is counted where it was answered.
ENDPOINT = "relayed"
# So many wait for reporting processes at a time, so that a crowd there takes no memory here.
MOST_RELAYED = 64


class Relay:
    """Asks the reporting process that listens at `address` and is free."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._headers = security_headers()
        self._relayed = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started = perf_counter()
        request_id = request_id_of(environ)  # one id for both processes: it goes with the environ
        try:
            answer = self._ask(environ)
        except Problem as refusal:
            if refusal.status >= 500:
                log.warning("refused", code=refusal.code, request_id=request_id)
            response = problem_response(refusal)
            headers = [*response.items(), *self._headers, (REQUEST_ID, request_id)]
            start_response(f"{refusal.status} {refusal.title}", headers)
            note_answered(ENDPOINT, refusal.status, started)
            return (response.content,)
        start_response(answer.head.status, answer.head.headers)
        return answer

    def _ask(self, environ: WSGIEnvironment) -> RelayCall:
        """Raises Problem, ClientGone."""
        body = read_as_sent(environ, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        texts = {name: value for name, value in environ.items() if type(value) is str}
        if self._relayed >= MOST_RELAYED:
            raise Unavailable("Too many reports are being made.", code="reports_busy")
        self._relayed += 1
        answer = RelayCall(self._give_back, environ.get("gunicorn.socket"))
        try:
            answer.begin(self._address, encode(RelayedRequest(texts, body)))
        except BaseException:
            answer.close()
            raise
        return answer

    def _give_back(self) -> None:
        self._relayed -= 1
