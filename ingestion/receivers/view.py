"""The way of a request through a receiver, the same for all of them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from django.http import HttpRequest

from analytics.events.moments import BadMoment, parse_moment
from analytics.keys.records import KeyRecord
from analytics.keys.refusals import note_refusal
from analytics.keys.samples import note_sample
from analytics.metrics.counting import note_refused
from analytics.web.problems import (
    BadRequest,
    Problem,
    TooLarge,
    TooManyRequests,
    Unavailable,
    find_problem,
)
from ingestion.accept.judge import MAX_BATCH_EVENTS, judge_each
from ingestion.accept.judged import Judged
from ingestion.accept.reply import Reply
from ingestion.accept.views import DoorView
from ingestion.receivers.envelope import Call, Envelope, Refused, Taken
from ingestion.receivers.receiver import Receiver, View

_ALLOW_ORIGIN = "Access-Control-Allow-Origin"
_encode = msgspec.json.Encoder().encode


class ReceiverView(DoorView):
    """Takes what one vendor's clients send, and answers as they expect."""

    receiver: ClassVar[Receiver[Any]]
    events = 1  # of the request, as far as it was read

    def initial(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        """Whose it is may stand in the body: `post` looks."""

    def post(self, request: HttpRequest) -> Reply:
        receiver, call = self.receiver, Call(request.META, request.path.rstrip("/"))
        if key := receiver.find_head_key(call):
            self.settle_sender(call.meta, key)
        parsed = receiver.read(call)
        key = receiver.find_key(call, parsed)
        if self.key is None:
            self.settle_sender(call.meta, key)
        return receiver.answer(self.take(receiver.translate(parsed, call, key), key), call)

    def take(self, envelope: Envelope, key: KeyRecord) -> Taken:
        """Judge the events each by itself, and keep the good ones, all or none."""
        self.events = len(envelope.events) + envelope.beyond
        if len(envelope.events) > MAX_BATCH_EVENTS:
            detail = f"The batch holds over {MAX_BATCH_EVENTS} events: send fewer in a request."
            raise TooLarge(detail, code="too_many_events")
        judged, refused = judge_envelope(envelope, key, self.sender.ip)
        if envelope.single and refused:
            reason = refused[0]
            raise BadRequest(reason.detail, code=reason.code)
        if judged.accepted:
            self.admit(judged)
        else:
            judged.note_counts(key)
        if refused:
            self.note_refused(envelope, refused, key)
        return Taken(envelope, refused, judged.excluded)

    def note_refused(
        self, envelope: Envelope, refused: Mapping[int, Refused], key: KeyRecord
    ) -> None:
        """Count what was left out, and keep some of it for a person to look at."""
        sources: Sequence[object] = envelope.sources() if envelope.sources else envelope.events
        for index, reason in refused.items():
            note_refusal(key, self.name_reason(reason.code))
            source = sources[index] if index < len(sources) else b""
            sample = source if isinstance(source, bytes) else _encode(source)
            note_sample(key, self.receiver.name, reason.code, reason.detail, sample)

    def name_reason(self, code: str) -> str:
        return f"{self.receiver.name}/{code}"

    def handle_exception(self, exc: Exception) -> Any:
        problem = find_problem(exc)
        if problem is None:
            return super().handle_exception(exc)
        if isinstance(problem, TooManyRequests) and not self.receiver.repeats_429:
            problem = Unavailable(problem.detail, code=problem.code, headers=problem.headers)
        if isinstance(problem, TooLarge) and not self.receiver.tells_too_large:
            note_refused(problem.code)  # whose it is may not be known yet
            if self.key:  # its client sends none of them again
                note_refusal(self.key, self.name_reason(problem.code), self.events)
            return Reply.of_text(200, "ok", {})
        problem.extra = {**problem.extra, **self.receiver.explain(problem)}
        return super().handle_exception(problem)

    def finalize_response(
        self, request: HttpRequest, response: Any, *args: object, **kwargs: object
    ) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.receiver.allows_cookies and _ALLOW_ORIGIN in response.headers:
            response.headers["Access-Control-Allow-Credentials"] = "true"
        return response

    def note_problem(self, key: KeyRecord, problem: Problem) -> None:
        note_refusal(key, self.name_reason(problem.code))


def make_view(receiver: Receiver[Any]) -> View:
    """What serves all paths of a receiver that take events."""

    class Its(ReceiverView):
        pass

    Its.receiver = receiver
    if receiver.takes_get:
        Its.get = Its.post  # type: ignore[attr-defined]
        Its.http_method_names = ["get", "post", "options"]  # a HEAD is nobody's visit
    view: View = Its.as_view(schema=None)
    return view


def judge_envelope(
    envelope: Envelope, key: KeyRecord, ip: str | None
) -> tuple[Judged, dict[int, Refused]]:
    """What to append, and why the others are refused, by their index among all."""
    events = envelope.events
    items = [_encode(event) for event in events if type(event) is not Refused]
    refused: dict[int, Refused] = {}
    if len(items) < len(events):
        refused = {index: event for index, event in enumerate(events) if type(event) is Refused}
    if not items:
        return Judged(), refused
    judged = judge_each(items, key, ip, _read_sent_at(envelope.sent_at))
    if not judged.rejected:
        return judged, refused
    indexes = [index for index in range(len(events)) if index not in refused]
    for error in judged.rejected:
        index = indexes[int(str(error["index"]))]
        field = f"{error['field']}: " if error["field"] else ""
        refused[index] = Refused(str(error["code"]), f"{field}{error['detail']}")
    return judged, dict(sorted(refused.items()))


def _read_sent_at(text: str | None) -> Any:
    """One that cannot be read tells nothing."""
    try:
        return [parse_moment(text)] if text else []
    except BadMoment:
        return []
