"""From bytes to accepted events: decode each, judge it, and stamp the id it will keep."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from analytics.events.entry import AcceptedEvent
from analytics.events.event import MAX_EVENT_BODY_BYTES, Event, decode_events, try_event
from analytics.events.ids import make_event_ids, now_ms
from analytics.events.invalid_event import InvalidEvent
from analytics.keys.records import KeyRecord
from analytics.keys.refusals import LOST_BY_CLIENT
from analytics.web.problems import BadRequest, TooLarge
from ingestion.accept.clock import check_moment, find_skew_ms
from ingestion.accept.judged import Judged
from ingestion.accept.page_rules import apply_page_rules, decode_without_sender, is_excluded

MAX_BATCH_EVENTS = 1_000
MAX_BATCH_BODY_BYTES = 1024 * 1024

_array_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def judge_event(
    raw: bytes,
    event: Event | InvalidEvent,
    key: KeyRecord,
    ip: str | None,
    judged: Judged,
    ids: Iterator[str],
) -> None:
    """Accept `raw`, decoded as `event`, with the next of `ids` if it has none of its own.

    Or leave it out, where the project does; `ip` is where it came from. Raises InvalidEvent.
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
    if key.excluded is not None and is_excluded(key.excluded, event, ip, public=key.public):
        judged.exclude()
        return
    judged.accepted.append(AcceptedEvent(event.event_id or next(ids), raw))


def judge_single(body: bytes, key: KeyRecord, ip: str | None) -> Judged:
    """The event of a body of one, accepted or left out. Raises BadRequest."""
    event, judged = try_event(body), Judged()
    if key.public and isinstance(event, InvalidEvent):
        body, event = decode_without_sender(body, event, judged)
    if not isinstance(event, InvalidEvent) and event.sent_at is not None:
        judged.skew_ms = find_skew_ms([event.sent_at], datetime.now(UTC))
    try:
        judge_event(body, event, key, ip, judged, make_event_ids(now_ms(), 1))
    except InvalidEvent as exc:
        errors = [exc.as_error()] if exc.field is not None else []
        raise BadRequest(exc.detail, code=exc.code, errors=errors) from None
    return judged


def judge_batch(items: Sequence[bytes], key: KeyRecord, ip: str | None) -> Judged:
    """Judge each of 1 to 1,000 events by itself. Raises BadRequest when none is valid."""
    if not items:
        raise BadRequest("The batch holds no event.", code="empty_batch")
    if len(items) > MAX_BATCH_EVENTS:
        detail = f"The batch holds {len(items)} events; at most {MAX_BATCH_EVENTS} are taken."
        raise TooLarge(detail, code="too_many_events")
    judged = judge_each(items, key, ip)
    for error in judged.rejected:
        judged.count(str(error["code"]))
    if not judged.accepted and not judged.excluded:
        judged.note_counts(key)
        raise BadRequest(
            "No event of the batch is valid.", code="no_valid_event", errors=judged.rejected
        )
    return judged


def judge_each(
    items: Sequence[bytes], key: KeyRecord, ip: str | None, sent_at: Collection[datetime] = ()
) -> Judged:
    """Judge each event by itself; also none of them may be accepted.

    `sent_at` is what the request tells of its client's clock, beside what the events do.
    """
    events, judged = decode_events(items), Judged()
    if key.public:
        items = _mend(items, events, judged)
    told = [
        event.sent_at
        for event in events
        if not isinstance(event, InvalidEvent) and event.sent_at is not None
    ]
    if told or sent_at:
        judged.skew_ms = find_skew_ms([*told, *sent_at], datetime.now(UTC))
    event_ids = make_event_ids(now_ms(), len(items))
    for index, (raw, event) in enumerate(zip(items, events, strict=True)):
        try:
            judge_event(raw, event, key, ip, judged, event_ids)
        except InvalidEvent as exc:
            judged.rejected.append({"index": index, **exc.as_error()})
    return judged


def _mend(
    items: Sequence[bytes], events: list[Event | InvalidEvent], judged: Judged
) -> Sequence[bytes]:
    """The items, and in their place `events`, without what by a public key is ignored."""
    mended = list(items)
    for index, event in enumerate(events):
        if isinstance(event, InvalidEvent):
            mended[index], events[index] = decode_without_sender(items[index], event, judged)
    return mended


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
