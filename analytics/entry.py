"""The stream entry: the events of one request, as one item of the stream.

Fields of the Redis Stream entry: `v`, the format's version, and `d`, a MessagePack array
`[project id, client ip, client user agent, [[event id, JSON of the event], ...], trace]`. The JSON
is the sender's own, byte for byte; the drain decodes it with the same `decode_event`. `trace` came
later: without it an entry is as good, and who does not know it leaves it alone.
"""

from collections.abc import Iterator, Sequence

import msgspec

_KIBIBYTE = 1024

FORMAT_VERSION = b"1"
VERSION_FIELD = b"v"
DATA_FIELD = b"d"

MAX_ENTRY_EVENTS = 100
MAX_ENTRY_BYTES = 256 * _KIBIBYTE


class AcceptedEvent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One event of an entry: its id (the client's or ours) and its JSON as it was sent."""

    event_id: str
    raw: bytes


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one stream entry holds; an event's place is the entry's id and its index here."""

    project_id: bytes
    client_ip: str | None
    client_user_agent: str | None
    events: Sequence[AcceptedEvent]
    trace: str | None = None  # the request's `traceparent`, where traces are on


class UnknownFormat(Exception):
    """An entry of a later format: it stays pending until a worker that knows it comes."""


class UnreadableEntry(Exception):
    """An entry of our format that does not decode."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    return _encoder.encode(entry)


def decode_entry(fields: dict[bytes, bytes]) -> Entry:
    """Raises UnknownFormat or UnreadableEntry."""
    if fields.get(VERSION_FIELD) != FORMAT_VERSION:
        raise UnknownFormat(repr(fields.get(VERSION_FIELD)))
    try:
        return _decoder.decode(fields[DATA_FIELD])
    except (KeyError, msgspec.DecodeError) as exc:
        raise UnreadableEntry(str(exc)) from exc


def split_events(events: Sequence[AcceptedEvent]) -> Iterator[Sequence[AcceptedEvent]]:
    """Cut the events of a request into runs that each fit one entry."""
    start = size = 0
    for index, event in enumerate(events):
        event_bytes = len(event.raw) + len(event.event_id) + 16
        full = index - start == MAX_ENTRY_EVENTS or size + event_bytes > MAX_ENTRY_BYTES
        if full and index > start:
            yield events[start:index]
            start, size = index, 0
        size += event_bytes
    if events[start:]:
        yield events[start:]
