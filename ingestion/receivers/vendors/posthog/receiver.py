"""PostHog's clients, as far as they capture events: docs/receivers/posthog.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern

from analytics.keys.records import KeyRecord
from analytics.web.problems import Problem
from ingestion.accept.reply import Reply
from ingestion.receivers.envelope import Call, Envelope, Refused, Taken
from ingestion.receivers.fields import as_text
from ingestion.receivers.owner import OTHER_KEY, is_of_another
from ingestion.receivers.receiver import Receiver, View
from ingestion.receivers.vendors.posthog.bodies import Parsed, read_events, read_key
from ingestion.receivers.vendors.posthog.events import Capture, translate_event
from ingestion.receivers.vendors.posthog.stubs import OTHER_VIEWS, list_patterns

_V1 = "/i/v1/analytics/events"
_CLOCK_OF_V1 = "HTTP_POSTHOG_REQUEST_TIMESTAMP"


@dataclass(slots=True)
class PostHogEnvelope(Envelope):
    """`uuids` are the events' ids as their client knows them."""

    uuids: Sequence[str | None] = field(default=())


class PostHog(Receiver[Parsed]):
    name = "posthog"
    title = "PostHog (capture)"
    paths = ("/batch", "/capture", "/e", "/i/v0/e", _V1)
    key_place = "the project API key: api_key in the body; with capture v1 Authorization: Bearer"
    repeats_429 = False  # posthog-js drops what meets one

    def read(self, call: Call) -> Parsed:
        return read_events(call.body)

    def list_keys(self, parsed: Parsed) -> Sequence[str]:
        return [parsed.key] if parsed.key else []

    def translate(self, parsed: Parsed, call: Call, key: KeyRecord) -> Envelope:
        found = parsed.items.found
        events = [
            item
            if isinstance(item, Refused)
            else OTHER_KEY
            if parsed.by_items and is_of_another(read_key(item), key)
            else translate_event(item, public=key.public)
            for item in found
        ]
        sent_at = parsed.sent_at or call.meta.get(_CLOCK_OF_V1)
        sources = parsed.items.list_sources
        uuids = _list_uuids(found) if call.path == _V1 else ()
        return PostHogEnvelope(events, sent_at, sources, parsed.single, uuids)

    def answer(self, taken: Taken, call: Call) -> Reply:
        if call.path != _V1:
            return Reply(200, {"status": 1}, {})
        return Reply(200, {"results": _tell_results(taken)}, {})

    def explain(self, problem: Problem) -> Mapping[str, object]:
        return {"error": problem.detail}

    def other_views(self) -> Mapping[str, View]:
        return OTHER_VIEWS

    def read_patterns(self) -> Sequence[URLPattern]:
        return list_patterns()


def _list_uuids(found: Sequence[Capture | Refused]) -> Sequence[str | None]:
    return [None if isinstance(item, Refused) else as_text(item.uuid) for item in found]


def _tell_results(taken: Taken) -> dict[str, Any]:
    """What became of each event, by its uuid."""
    envelope = taken.envelope
    assert isinstance(envelope, PostHogEnvelope)
    results: dict[str, Any] = {}
    for index, uuid in enumerate(envelope.uuids):
        if uuid is None:
            continue
        refused = taken.refused.get(index)
        results[uuid] = (
            {"result": "drop", "details": refused.detail} if refused else {"result": "ok"}
        )
    return results
