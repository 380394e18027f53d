"""The accept path over HTTP: POST /event and POST /events, and the receipt of an event."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.views import APIView

from analytics.events.event import MAX_EVENT_BODY_BYTES, MAX_USER_AGENT_CHARS
from analytics.keys.authentication import authenticate_request, authenticate_sender
from analytics.keys.origins import answer_headers, preflight_headers, require_origin
from analytics.keys.records import KeyRecord
from analytics.keys.refusals import note_refusal
from analytics.web.addresses import is_path_utf8
from analytics.web.client_ip import client_ip
from analytics.web.problems import BadRequest, MethodNotAllowed, Problem, find_problem
from ingestion.accept.admit import Sender, admit
from ingestion.accept.body import JSON, NDJSON, TEXT, read_body, read_media_type
from ingestion.accept.judge import (
    MAX_BATCH_BODY_BYTES,
    judge_batch,
    judge_single,
    split_array,
    split_lines,
    split_text,
)
from ingestion.accept.judged import Judged
from ingestion.accept.receipts import find_receipt
from ingestion.accept.reply import HotRequest, Reply, read_as_utf8
from ingestion.accept.schema import describe_receipt

# Of what a project leaves out: good, and kept nowhere.
_EXCLUDED = {"status": "excluded", "queued": False}
# What a body may call itself.
_OF_ONE, _OF_MANY = (JSON,), (JSON, *NDJSON)
_OF_ONE_BY_PAGES, _OF_MANY_BY_PAGES = (*_OF_ONE, TEXT), (*_OF_MANY, TEXT)
_SPLITS: Mapping[str, Callable[[bytes], list[bytes]]] = {
    JSON: split_array,
    TEXT: split_text,
    **dict.fromkeys(NDJSON, split_lines),
}


class Said(NamedTuple):
    """What the head of a request says of its sender, whoever's key it has."""

    origin: str | None
    user_agent: str | None
    do_not_track: bool

    def by(self, key: KeyRecord, ip: str | None) -> Sender:
        """Raises Forbidden for a page that may not send."""
        from_page = self.origin is not None
        if self.origin is not None:
            require_origin(self.origin, key)
        return Sender(key, ip, self.user_agent, from_page or key.public, self.do_not_track)


def read_said(meta: Mapping[str, Any]) -> Said:
    user_agent = meta.get("HTTP_USER_AGENT")
    if user_agent:
        if not user_agent.isascii():
            user_agent = read_as_utf8(user_agent)
        user_agent = user_agent[:MAX_USER_AGENT_CHARS]
    do_not_track = meta.get("HTTP_DNT") == "1" or meta.get("HTTP_SEC_GPC") == "1"
    return Said(meta.get("HTTP_ORIGIN"), user_agent or None, do_not_track)


class LeanView(APIView):
    """An APIView that leaves out what this path has no use for.

    DRF's request wrapper and its negotiation cost more than the whole acceptance of an event;
    `dispatch`, the method handlers and the exception handler are DRF's own.
    """

    scopes: ClassVar[tuple[str, ...]] = ("ingest",)
    sender: Sender
    key: KeyRecord | None = None

    # DRF computes its `Allow` and `Vary` for every answer; only a 405 and OPTIONS need one.
    default_response_headers: ClassVar[dict[str, str]] = {}

    def initialize_request(self, request: HttpRequest, *args: object, **kwargs: object) -> Any:
        return request

    def initial(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        if request.method == "OPTIONS":
            return
        self.settle_sender(request.META, self.authenticate(request.META))

    def settle_sender(self, meta: Mapping[str, Any], key: KeyRecord) -> None:
        """Whose the request is from now on. Raises Forbidden for a page that may not send."""
        self.key = key
        self.sender = read_said(meta).by(key, client_ip(meta))

    def authenticate(self, meta: Mapping[str, Any]) -> KeyRecord:
        return authenticate_request(meta, *self.scopes)

    def handle_exception(self, exc: Exception) -> Any:
        problem = find_problem(exc)
        if problem and self.key:
            self.note_problem(self.key, problem)
        return super().handle_exception(exc)

    def note_problem(self, key: KeyRecord, problem: Problem) -> None:
        note_refusal(key, problem.code)

    def finalize_response(
        self, request: HttpRequest, response: Any, *args: object, **kwargs: object
    ) -> Any:
        if isinstance(response, Reply) and not isinstance(request, HotRequest):
            response = response.as_django()
        origin = request.META.get("HTTP_ORIGIN")
        if origin is not None and "ingest" in self.scopes:
            for name, value in answer_headers(origin, self.key).items():
                response.headers[name] = value
        return response

    def list_methods(self) -> list[str]:
        """What may be asked at the path of this view."""
        return list(self.allowed_methods)

    def http_method_not_allowed(self, request: HttpRequest, *args: object, **kwargs: object) -> Any:
        allow = {"Allow": ", ".join(self.list_methods())}
        raise MethodNotAllowed(f'Method "{request.method}" not allowed.', headers=allow)

    def options(self, request: HttpRequest, *args: object, **kwargs: object) -> Any:
        """Say which methods there are, to anyone; to a page of an allowed origin, yes."""
        headers = {"Allow": ", ".join(self.list_methods())}
        if "ingest" in self.scopes:
            headers |= preflight_headers(request.META, self.allowed_methods)
        response = HttpResponse(status=204, headers=headers)
        del response.headers["Content-Type"]  # of no content
        return response


def answer_queued(event_id: str, headers: dict[str, str]) -> Reply:
    """The answer to an event that was admitted."""
    return Reply(202, {"status": "queued", "queued": True, "eventId": event_id}, headers)


class DoorView(LeanView):
    """Takes events: with a secret key, or a public one, which may stand in the address."""

    def authenticate(self, meta: Mapping[str, Any]) -> KeyRecord:
        return authenticate_sender(meta)

    def admit(self, judged: Judged) -> dict[str, str]:
        """As `admit`; the request has its answer then, and what is to be counted of it is."""
        sender = self.sender
        headers = admit(sender, judged.accepted, judged.skew_ms)
        if judged.counts:
            judged.note_counts(sender.key)
        return headers

    def answer_one(self, judged: Judged) -> Reply:
        """Admit the event of a request of one, if it is not left out, and say so."""
        if judged.excluded:
            judged.note_counts(self.sender.key)
            return Reply(200, _EXCLUDED, {})
        event_id = judged.accepted[0].event_id
        try:
            headers = self.admit(judged)
        except Problem as problem:
            problem.extra["eventId"] = event_id
            raise
        return answer_queued(event_id, headers)

    def answer_many(self, judged: Judged) -> Reply:
        """Admit the events of a batch, and say which."""
        event_ids = [event.event_id for event in judged.accepted]
        answer = {
            "status": "queued",
            "queued": True,
            "accepted": len(event_ids),
            "rejected": judged.rejected,
            "eventIds": event_ids,
        }
        if judged.excluded:
            answer["excluded"] = judged.excluded
            if not event_ids:
                judged.note_counts(self.sender.key)
                return Reply(200, answer | _EXCLUDED, {})
        try:
            headers = self.admit(judged)
        except Problem as problem:
            problem.extra["eventIds"] = event_ids
            raise
        return Reply(202, answer, headers)


class EventView(DoorView):
    """Accept one event and answer before it is stored.

    202 means that it is on the disk of Redis. The answer carries the event id, so that a client
    that times out can send the same event again and be counted once.
    """

    def post(self, request: HttpRequest) -> Reply:
        key = self.sender.key
        read_media_type(request.META, _OF_ONE_BY_PAGES if key.public else _OF_ONE)
        return self.answer_one(
            judge_single(read_body(request, MAX_EVENT_BODY_BYTES), key, self.sender.ip)
        )


class EventsView(DoorView):
    """Accept up to 1,000 events, a JSON array or NDJSON; bad ones are refused one by one."""

    def list_methods(self) -> list[str]:
        """Where one service answers all, stored events are read here, by another view."""
        own = super().list_methods()
        return own if settings.ROLE == "ingest" else ["GET", "HEAD", *own]

    def post(self, request: HttpRequest) -> Reply:
        key = self.sender.key
        media_type = read_media_type(request.META, _OF_MANY_BY_PAGES if key.public else _OF_MANY)
        body = read_body(request, MAX_BATCH_BODY_BYTES)
        return self.answer_many(judge_batch(_SPLITS[media_type](body), key, self.sender.ip))


class ReceiptView(LeanView):
    """Tell what became of an event: stored, dead, erased, or unknown (not seen, still waiting)."""

    scopes = ("ingest", "read")

    @describe_receipt
    def get(self, request: HttpRequest, event_id: str) -> Reply:
        if not is_path_utf8(request.META):
            raise BadRequest("The eventId is not UTF-8.", code="bad_encoding")
        receipt = find_receipt(self.sender.key.project_id, event_id)
        return Reply(200, receipt, {"Cache-Control": "private, no-store"})
