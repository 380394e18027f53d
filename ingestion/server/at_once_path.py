"""The hot paths for requests that are answered in turns (`turns.py`).

A client's heads are all alike: what one tells is kept by its bytes. Nothing of one is ever taken
for another, and whose key it names is looked up for each request.
"""

from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple
from wsgiref.types import WSGIApplication, WSGIEnvironment

from analytics.bounded_cache import Kept
from analytics.web.client_ip import client_ip
from analytics.web.problems import Problem
from ingestion.accept import admit, at_once
from ingestion.accept.reply import HotRequest
from ingestion.accept.reply import Reply as Response
from ingestion.receivers.vendors.cloud_events import is_cloud_event
from ingestion.server.hot_path import Answer, HotPath
from ingestion.server.plain_request import (
    HEAD_END,
    MAX_HEAD_BYTES,
    parse_head,
)
from ingestion.stream.answers import Reply
from ingestion.stream.calls import SectionHead, Ticket

_PATHS = frozenset(("/event", "/event/"))
_MOST_HEADS = 2_000
_LONGEST_HEAD_BYTES = 1_024


class _Head(NamedTuple):
    environ: WSGIEnvironment
    body_begin: int
    end: int
    told: at_once.Head


class BegunRequest(NamedTuple):
    """A request that waits for the stream, and what its ticket says."""

    head: SectionHead
    arguments: Sequence[bytes]
    end: int  # where the next request begins
    started: float
    environ: WSGIEnvironment  # of its head, which is many others' as well
    begun: at_once.Begun


class AtOncePath(HotPath):
    """Begins what it can of a request at once, and finishes it with the reply of the stream."""

    def __init__(self, django: WSGIApplication) -> None:
        super().__init__(django)
        self.in_turns = _PATHS.intersection(self.plain_lines.values())
        self._heads: Kept[bytes, _Head | None] = Kept(
            self._read_head, _MOST_HEADS, _LONGEST_HEAD_BYTES
        )

    def begin(self, ip: str | None, data: bytes) -> BegunRequest | None:
        """The request that begins `data`; None if it is to be served in the usual way.

        Waits for nobody, and nothing of it is kept or counted until it is enlisted.
        """
        started = perf_counter()
        body_begin = data.find(HEAD_END, 0, MAX_HEAD_BYTES) + len(HEAD_END)
        head = self._heads[data[:body_begin]]
        if head is None or len(data) < head.end:
            return None
        begun = at_once.begin(head.told, ip, data[body_begin : head.end])
        if begun is None:
            return None
        admission = begun.admission
        return BegunRequest(
            admission.plan.head, admission.arguments, head.end, started, head.environ, begun
        )

    def finish(self, request: BegunRequest, reply: Reply) -> Answer:
        """The answer, with the reply that the ticket of the request had."""
        environ = request.environ
        try:
            response: Response = at_once.finish(request.begun, reply)
        except Problem as problem:
            environ = environ.copy()
            response = at_once.refuse(request.begun, HotRequest(environ), problem)
        return self.complete(environ, response, request.started)

    def enlist(self, tickets: Sequence[Ticket]) -> bool:
        """As `GroupCommit.enlist`."""
        return admit.group_commit().enlist(tickets)

    def lead(self) -> None:
        """As `GroupCommit.lead`."""
        admit.group_commit().lead()

    def find_ip(self, peer: tuple[str, int]) -> str | None:
        """The address of who is connected, in its usual spelling."""
        return client_ip({"REMOTE_ADDR": peer[0]})

    def _read_head(self, data: bytes) -> _Head | None:
        plain = parse_head(data, self.plain_lines)
        if plain is None or plain.environ["PATH_INFO"] not in self.in_turns:
            return None
        environ = plain.environ | {"wsgi.url_scheme": "http"}
        if is_cloud_event(environ) or self.is_refused(environ):
            return None
        told = at_once.read_head(environ)
        return told and _Head(environ, plain.body_begin, plain.end, told)
