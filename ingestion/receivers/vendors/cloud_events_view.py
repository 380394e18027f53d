"""The native paths, which take CloudEvents as well."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse

from analytics.events.event import MAX_EVENT_BODY_BYTES
from analytics.web.problems import BadRequest, TooLarge
from ingestion.accept.judge import MAX_BATCH_EVENTS, judge_single
from ingestion.accept.judged import Judged
from ingestion.accept.reply import Reply
from ingestion.accept.schema import describe_event, describe_events
from ingestion.accept.views import DoorView, EventsView, EventView
from ingestion.receivers.bodies import read_packed_body
from ingestion.receivers.envelope import Envelope, Refused
from ingestion.receivers.receiver import Described
from ingestion.receivers.vendors.cloud_events import (
    is_batch,
    is_cloud_event,
    read_batch,
    read_single,
    translate,
)
from ingestion.receivers.view import judge_envelope

_encode = msgspec.json.Encoder().encode


class CloudEvents(Described):
    name = "cloudevents"
    title = "CloudEvents 1.0"
    paths = ("/event", "/events")
    key_place = "Authorization: Bearer <key>; a public key also as ?key=, for webhooks"


class CloudEventsDoor(DoorView):
    """A native path, before what it takes besides: by header and content type."""

    def post_cloud_event(self, request: HttpRequest) -> Reply:
        meta = request.META
        if is_batch(meta):
            return self.answer_many(self._judge_batch(read_packed_body(meta)))
        event = translate(read_single(meta, read_packed_body(meta, MAX_EVENT_BODY_BYTES)))
        if isinstance(event, Refused):
            raise BadRequest(event.detail, code=event.code)
        return self.answer_one(judge_single(_encode(event), self.sender.key, self.sender.ip))

    def _judge_batch(self, body: bytes) -> Judged:
        key, found = self.sender.key, read_batch(body).found
        if not found:
            raise BadRequest("The batch holds no event.", code="empty_batch")
        if len(found) > MAX_BATCH_EVENTS:
            detail = f"The batch holds over {MAX_BATCH_EVENTS} events: send fewer in a request."
            raise TooLarge(detail, code="too_many_events")
        events = [item if isinstance(item, Refused) else translate(item) for item in found]
        judged, refused = judge_envelope(Envelope(events), key, self.sender.ip)
        judged.rejected = [
            {"index": index, "field": None, "code": reason.code, "detail": reason.detail}
            for index, reason in refused.items()
        ]
        for reason in refused.values():
            judged.count(f"{CloudEvents.name}/{reason.code}")
        if not judged.accepted and not judged.excluded:
            judged.note_counts(key)
            detail = "No event of the batch is valid."
            raise BadRequest(detail, code="no_valid_event", errors=judged.rejected)
        return judged

    def options(self, request: HttpRequest, *args: object, **kwargs: object) -> Any:
        """Also to a broker that asks whether it may deliver, as its webhooks do."""
        response = super().options(request, *args, **kwargs)
        return _allow_webhook(request.META, response)


def _allow_webhook(meta: Mapping[str, Any], response: HttpResponse) -> HttpResponse:
    """What is delivered needs a key anyway: so everyone may, as often as the key's rate lets."""
    if "HTTP_WEBHOOK_REQUEST_ORIGIN" in meta:
        response["WebHook-Allowed-Origin"] = "*"
        response["WebHook-Allowed-Rate"] = "*"
    return response


class AnyEventView(CloudEventsDoor, EventView):
    """POST /event."""

    @describe_event
    def post(self, request: HttpRequest) -> Reply:
        if is_cloud_event(request.META):
            return self.post_cloud_event(request)
        return super().post(request)


class AnyEventsView(CloudEventsDoor, EventsView):
    """POST /events."""

    @describe_events
    def post(self, request: HttpRequest) -> Reply:
        if is_cloud_event(request.META):
            return self.post_cloud_event(request)
        return super().post(request)
