"""From bytes to accepted events: decode each, judge it, and stamp the id it will keep."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from analytics.events.entry import AcceptedEvent
from analytics.events.event import MAX_EVENT_BODY_BYTES, Event, decode_event, decode_events
from analytics.events.ids import make_event_ids, now_ms
from analytics.events.invalid_event import InvalidEvent
from analytics.keys.records import KeyRecord
from analytics.keys.refusals import LOST_BY_CLIENT
from analytics.web.problems import BadRequest, TooLarge
from ingestion.accept.clock import check_moment, find_skew_ms
from ingestion.accept.judged import Judged
from ingestion.accept.page_rules import apply_page_rules

MAX_BATCH_EVENTS = 1_000
MAX_BATCH_BODY_BYTES = 1024 * 1024

_array_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def judge_event(
    raw: bytes, event: Event | InvalidEvent, key: KeyRecord, judged: Judged, ids: Iterator[str]
) -> None:
    """Accept `raw`, decoded as `event`, with the next of `ids` if it has none of its own.

    Raises InvalidEvent.
    """
    if len(raw) > MAX_EVENT_BODY_BYTES:
        detail = f"The event is over {MAX_EVENT_BODY_BYTES:,} bytes."
        raise InvalidEvent(None, "event_too_large", detail)
    if isinstance(event, InvalidEvent):
        raise event.anew()
    if event.timestamp is not None:
        check_moment(event.timestamp, judged.skew_ms, datetime.now(UTC), key)
    if key.public:
        raw = apply_page_rules(raw, event, key, judged)
    if event.lost:
        judged.count(LOST_BY_CLIENT, event.lost)
    judged.accepted.append(AcceptedEvent(event.event_id or next(ids), raw))


def judge_single(body: bytes, key: KeyRecord) -> Judged:
    """The event of a body of one, accepted. Raises BadRequest."""
    try:
        event = decode_event(body)
        sent_at = event.sent_at
        judged = Judged(0 if sent_at is None else find_skew_ms([sent_at], datetime.now(UTC)))
        judge_event(body, event, key, judged, make_event_ids(now_ms(), 1))
    except InvalidEvent as exc:
        errors = [exc.as_error()] if exc.field is not None else []
        raise BadRequest(exc.detail, code=exc.code, errors=errors) from None
    return judged


def judge_batch(items: Sequence[bytes], key: KeyRecord) -> Judged:
    """Judge each of 1 to 1,000 events by itself. Raises BadRequest when none is valid."""
    if not items:
        raise BadRequest("The batch holds no event.", code="empty_batch")
    if len(items) > MAX_BATCH_EVENTS:
        detail = f"The batch holds {len(items)} events; at most {MAX_BATCH_EVENTS} are taken."
        raise TooLarge(detail, code="too_many_events")
    events = decode_events(items)
    sent_at = [
        event.sent_at
        for event in events
        if not isinstance(event, InvalidEvent) and event.sent_at is not None
    ]
    judged = Judged(find_skew_ms(sent_at, datetime.now(UTC)) if sent_at else 0)
    event_ids = make_event_ids(now_ms(), len(items))
    for index, (raw, event) in enumerate(zip(items, events, strict=True)):
        try:
            judge_event(raw, event, key, judged, event_ids)
        except InvalidEvent as exc:
            judged.rejected.append({"index": index, **exc.as_error()})
            judged.count(exc.code)
    if not judged.accepted:
        judged.note_counts(key)
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


def split_text(body: bytes) -> list[bytes]:
    """An array or lines, as it begins. Raises BadRequest."""
    return split_array(body) if body.lstrip()[:1] == b"[" else split_lines(body)


def split_lines(body: bytes) -> list[bytes]:
    """The lines of an NDJSON body; empty ones do not count."""
    return list(_nonempty_lines(body))


def _nonempty_lines(body: bytes) -> Iterator[bytes]:
    for line in body.split(b"\n"):
        if stripped := line.strip(b" \t\r"):
            yield stripped
