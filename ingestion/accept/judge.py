"""From bytes to accepted events: decode each, judge it, and stamp the id it will keep."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from analytics.events.entry import AcceptedEvent
from analytics.events.event import (
    MAX_EVENT_BODY_BYTES,
    Event,
    check_age,
    decode_event,
    decode_events,
)
from analytics.events.ids import make_event_ids, now_ms
from analytics.events.invalid_event import InvalidEvent
from analytics.projects.keys import KeyRecord
from analytics.web.problems import BadRequest, TooLarge

MAX_BATCH_EVENTS = 1_000
MAX_BATCH_BODY_BYTES = 1024 * 1024

_array_decoder = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(slots=True)
class JudgedBatch:
    """The events of one request: those to accept, and why the others are refused."""

    accepted: list[AcceptedEvent] = field(default_factory=list)
    rejected: list[dict[str, object]] = field(default_factory=list)


def judge_event(
    raw: bytes, event: Event | InvalidEvent, key: KeyRecord, event_ids: Iterator[str]
) -> AcceptedEvent:
    """What to append of `raw`, decoded as `event`; with the next of `event_ids` if it has none.

    Raises InvalidEvent.
    """
    if len(raw) > MAX_EVENT_BODY_BYTES:
        detail = f"The event is over {MAX_EVENT_BODY_BYTES:,} bytes."
        raise InvalidEvent(None, "event_too_large", detail)
    if isinstance(event, InvalidEvent):
        raise event.anew()
    if event.timestamp is not None:
        check_age(event.timestamp, datetime.now(UTC), key.retention_days)
    return AcceptedEvent(event.event_id or next(event_ids), raw)


def judge_single(body: bytes, key: KeyRecord) -> AcceptedEvent:
    """The event of a body of one. Raises BadRequest."""
    try:
        return judge_event(body, decode_event(body), key, make_event_ids(now_ms(), 1))
    except InvalidEvent as exc:
        errors = [exc.as_error()] if exc.field is not None else []
        raise BadRequest(exc.detail, code=exc.code, errors=errors) from None


def judge_batch(items: Sequence[bytes], key: KeyRecord) -> JudgedBatch:
    """Judge each of 1 to 1,000 events by itself. Raises BadRequest when none is valid."""
    if not items:
        raise BadRequest("The batch holds no event.", code="empty_batch")
    if len(items) > MAX_BATCH_EVENTS:
        detail = f"The batch holds {len(items)} events; at most {MAX_BATCH_EVENTS} are taken."
        raise TooLarge(detail, code="too_many_events")
    judged = JudgedBatch()
    event_ids = make_event_ids(now_ms(), len(items))
    for index, (raw, event) in enumerate(zip(items, decode_events(items), strict=True)):
        try:
            judged.accepted.append(judge_event(raw, event, key, event_ids))
        except InvalidEvent as exc:
            judged.rejected.append({"index": index, **exc.as_error()})
    if not judged.accepted:
        raise BadRequest(
            "No event of the batch is valid.", code="no_valid_event", errors=judged.rejected
        )
    return judged


def split_array(body: bytes) -> list[bytes]:
    """The items of a JSON array, undecoded. Raises BadRequest."""
    try:
        return [bytes(item) for item in _array_decoder.decode(body)]
    except msgspec.ValidationError:
        detail = "Send a JSON array of events, or one per line as application/x-ndjson."
        raise BadRequest(detail, code="not_an_array") from None
    except RecursionError:
        raise BadRequest("The JSON is nested too deeply.", code="too_deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise BadRequest(f"Not valid JSON in UTF-8: {exc}.", code="invalid_json") from None


def split_lines(body: bytes) -> list[bytes]:
    """The lines of an NDJSON body; empty ones do not count."""
    return list(_nonempty_lines(body))


def _nonempty_lines(body: bytes) -> Iterator[bytes]:
    for line in body.split(b"\n"):
        if stripped := line.strip(b" \t\r"):
            yield stripped
