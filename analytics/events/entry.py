"""The stream entry: the events of requests that shared a call, as one item of the stream.

Fields of the Redis Stream entry: `v`, the format's version, and `d`, a MessagePack array of parts,
one for each request: `[project id, client ip, client user agent, [[event id, JSON of the event],
...], trace, public, from page, do not track, skew, imported]`. The JSON is the sender's own; the
drain judges it as the door did (`event.py`). All parts are of one API key, or of one import. An
entry of an import is of version 4, which workers of a release before hold for those that know it:
its JSON is of `imported.py`, and an event's id the text of all its bytes (`id_text.py`). In version
2, all of a part after the trace is missing, and in version 1, `d` is one part.
"""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Annotated

import msgspec
from msgspec import Meta

from analytics.events.id_text import parse_id
from analytics.events.ids import event_key, public_event_key

_KIBIBYTE = 1024

FORMAT_VERSION = b"3"
IMPORTED_VERSION = b"4"
_SECRET_KEYS_VERSION = b"2"  # of a release that had no public keys
_ONE_PART_VERSION = b"1"
VERSION_FIELD = b"v"
DATA_FIELD = b"d"

MAX_ENTRY_EVENTS = 100
MAX_ENTRY_BYTES = 256 * _KIBIBYTE


class AcceptedEvent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One event of a part: its id (the client's or ours) and its JSON as it was sent."""

    event_id: str
    raw: bytes


class Part(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one request brought to an entry: all of it, or of a large one as much as fits."""

    project_id: bytes
    client_ip: str | None
    client_user_agent: str | None
    events: Annotated[Sequence[AcceptedEvent], Meta(min_length=1)]
    trace: str | None = None  # the request's `traceparent`, where traces are on
    public: bool = False  # by a public key
    from_page: bool = False  # its own user agent may be a person's: it is public, or has an Origin
    do_not_track: bool = False  # DNT or Sec-GPC
    skew_ms: int = 0  # what the client's clock is behind: each of its timestamps moves by that
    imported: bool = False


class Entry:
    """What one stream entry holds; an event's place is the entry's id and its index here.

    `project_id`, whether its events came by a `public` key, and whether they are `imported`, is the
    same of all parts.
    """

    __slots__ = ("event_count", "imported", "parts", "project_id", "public")

    def __init__(self, parts: Sequence[Part]) -> None:
        first = parts[0]
        self.parts = parts
        self.project_id, self.public = first.project_id, first.public
        self.imported = first.imported
        self.event_count = (
            len(first.events) if len(parts) == 1 else sum([len(part.events) for part in parts])
        )

    def event_key(self, event_id: str) -> bytes:
        """The `_id` of an event of this entry: public keys have a namespace of their own."""
        if self.imported:
            return imported_key(self.project_id, event_id)
        make_key = public_event_key if self.public else event_key
        return make_key(self.project_id, event_id)

    @property
    def events(self) -> list[AcceptedEvent]:
        """The events of all parts, in the order of their index."""
        return [event for part in self.parts for event in part.events]


class UnknownFormat(Exception):
    """An entry of a later format: it stays pending until a worker that knows it comes."""

    def __init__(self, version: bytes | None) -> None:
        super().__init__(repr(version))
        self.version = version or b""


class UnreadableEntry(Exception):
    """An entry of our format that does not decode, or is of several projects."""


_WAY = attrgetter("project_id", "public", "imported")

_encoder = msgspec.msgpack.Encoder()
_decode_parts = msgspec.msgpack.Decoder(Annotated[list[Part], Meta(min_length=1)]).decode
_decode_part = msgspec.msgpack.Decoder(Part).decode


def encode_part(part: Part) -> bytes:
    """A part by itself; the admission script puts the parts of an entry together."""
    return _encoder.encode(part)


def encode_entry(parts: Sequence[Part]) -> bytes:
    """The field `d`, as the admission script makes it."""
    return _encoder.encode(parts)


def imported_key(project_id: bytes, event_id: str) -> bytes:
    """The `_id` of an imported event, of the text of its id.

    One that is no such text is known by its digest, as a client's: it is buried for that.
    """
    try:
        return project_id + parse_id(event_id)
    except ValueError:
        return event_key(project_id, event_id)


def version_of(part: Part) -> bytes:
    """The version of an entry with this part."""
    return IMPORTED_VERSION if part.imported else FORMAT_VERSION


def has_parts(version: bytes | None) -> bool:
    """Whether the data of such an entry are an array of parts, as of all but the oldest."""
    return version in (FORMAT_VERSION, IMPORTED_VERSION, _SECRET_KEYS_VERSION)


def is_known_format(version: bytes) -> bool:
    return has_parts(version) or version == _ONE_PART_VERSION


def decode_entry(fields: dict[bytes, bytes]) -> Entry:
    """Raises UnknownFormat or UnreadableEntry."""
    version = fields.get(VERSION_FIELD)
    try:
        if has_parts(version):
            parts = _decode_parts(fields[DATA_FIELD])
        elif version == _ONE_PART_VERSION:
            parts = [_decode_part(fields[DATA_FIELD])]
        else:
            raise UnknownFormat(version)
    except (KeyError, msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise UnreadableEntry(repr(exc)) from exc
    return _make_entry(parts)


def decode_all_parts(datas: Iterable[bytes]) -> list[Entry]:
    """The entries of versions with parts by their fields `d`, as `decode_entry` reads each of them.

    Raises UnreadableEntry, MsgspecError, UnicodeError or RecursionError for the first that is not
    one.
    """
    return [_make_entry(parts) for parts in map(_decode_parts, datas)]


def _make_entry(parts: Sequence[Part]) -> Entry:
    if len(parts) > 1 and len(set(map(_WAY, parts))) > 1:
        raise UnreadableEntry("parts of several projects, or that came in several ways")
    return Entry(parts)


def split_events(events: Sequence[AcceptedEvent]) -> Iterator[Sequence[AcceptedEvent]]:
    """Cut the events of a request into runs that each fit one entry, as a part of it."""
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
