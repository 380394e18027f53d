"""POST /event at once: a plain request of which all is known without waiting for anybody.

Most are so. What is to be looked up first, what is left out and what is refused goes the way of
the view, which begins anew: nothing has been kept of it, or counted.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.http import HttpRequest

from analytics.events.event import MAX_EVENT_BODY_BYTES
from analytics.keys.authentication import known_sender, read_sender_key
from analytics.keys.key_text import digest_key, is_public_text
from analytics.keys.origins import answer_headers
from analytics.web.client_ip import forwarded_ip
from analytics.web.problems import Problem
from ingestion.accept.admit import Admission, ask, settle
from ingestion.accept.body import JSON, TEXT, strip_mark
from ingestion.accept.judge import judge_single
from ingestion.accept.judged import Judged
from ingestion.accept.reply import Reply
from ingestion.accept.views import EventView, Said, answer_queued, read_said
from ingestion.stream.answers import Reply as StreamReply
from ingestion.stream.memory import is_memory_known_free


class Head(NamedTuple):
    """What a head tells, the same for each request that begins with its bytes.

    It names a key by its digest; the bytes of the head, by which it is found, hold the key itself.
    """

    key_digest: bytes
    is_public: bool
    is_text: bool  # by its media type
    forwarded_ip: str | None
    said: Said


class Begun(NamedTuple):
    """An event that was judged, and waits to be admitted."""

    head: Head
    judged: Judged
    admission: Admission


def read_head(meta: Mapping[str, Any]) -> Head | None:
    """None: only the view knows what to make of it."""
    media_type = meta.get("CONTENT_TYPE")
    if media_type not in (JSON, TEXT) or "HTTP_CONTENT_ENCODING" in meta:
        return None
    try:
        text = read_sender_key(meta)
    except Problem:
        return None
    return Head(
        digest_key(text),
        is_public_text(text),
        media_type == TEXT,
        forwarded_ip(meta),
        read_said(meta),
    )


def begin(head: Head, peer_ip: str | None, body: bytes) -> Begun | None:
    """Judge the event. None: its view is to, anew."""
    if len(body) > MAX_EVENT_BODY_BYTES:
        return None
    key = known_sender(head.key_digest, public=head.is_public)
    if key is None or (head.is_text and not key.public):
        return None
    if not is_memory_known_free(public=key.public):
        return None
    ip = head.forwarded_ip or peer_ip
    try:
        sender = head.said.by(key, ip)
        judged = judge_single(strip_mark(body), key, ip)
        if judged.excluded:
            return None
        return Begun(head, judged, ask(sender, judged.accepted, judged.skew_ms))
    except Problem:
        return None


def finish(begun: Begun, reply: StreamReply) -> Reply:
    """The answer to an event that was admitted. Raises Problem with its id, as `EventView` does."""
    key, event_id = begun.admission.key, begun.judged.accepted[0].event_id
    try:
        headers = settle(begun.admission, reply)
    except Problem as problem:
        problem.extra["eventId"] = event_id
        raise
    if begun.judged.counts:
        begun.judged.note_counts(key)
    if begun.head.said.origin is not None:
        headers |= answer_headers(begun.head.said.origin, key)
    return answer_queued(event_id, headers)


def refuse(begun: Begun, request: HttpRequest, problem: Problem) -> Any:
    """The answer of `EventView`, had `problem` come up there."""
    view: Any = EventView()
    view.request, view.key = request, begun.admission.key
    return view.finalize_response(request, view.handle_exception(problem))
