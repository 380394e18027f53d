"""Identifiers: projects, event ids, and the place of an event in the stream."""

import os
import random
import struct
import time
from binascii import unhexlify
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

PROJECT_ID_BYTES = 8
SECONDS_PER_DAY = 86_400
MS_PER_DAY = SECONDS_PER_DAY * 1_000
MILLISECOND = timedelta(milliseconds=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Seeded by the operating system in each process; asking it for each id took longer than judging
# the event. Ids must differ and nothing else: they open nothing.
_random = random.Random()
os.register_at_fork(after_in_child=_random.seed)

# Of its bits the upper two are fixed.
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

_UUID_CHARS = 36
_HYPHENS = (8, 13, 18, 23)
_HASHED = b"\x01"
_PUBLIC = b"\x02"
_IMPORTED = b"\x03"
_PLACE = struct.Struct(">QIH")
_PLACE_BEGIN = struct.Struct(">QI")
PLACE_BYTES = _PLACE.size
UNIT_BYTES = 4  # a day or a month, in the `_id` of its head or of its salt
UUID_KEY_BYTES = PROJECT_ID_BYTES + 16
EVENT_KEY_BYTES = (16, 17)  # after the project, in the `_id` of an event


def make_event_id(now_ms: int) -> str:
    """A UUIDv7 (RFC 9562, section 5.7): 48 bits of unix milliseconds, then 74 random bits."""
    return next(make_event_ids(now_ms, 1))


def make_event_ids(now_ms: int, count: int) -> Iterator[str]:
    """As `make_event_id`, the random bits of all of them drawn when the first is asked for."""
    prefix = f"{now_ms >> 16:08x}-{now_ms & 0xFFFF:04x}-7"
    digits = f"{_random.getrandbits(76 * count):0{19 * count}x}"
    for start in range(0, 19 * count, 19):
        own = digits[start : start + 19]
        yield f"{prefix}{own[:3]}-{_VARIANT[own[3]]}{own[4:7]}-{own[7:]}"


def read_uuids(event_ids: Sequence[str]) -> list[bytes]:
    """The 16 bytes of each id that is a canonical UUID, and no bytes of any other.

    Canonical is lower case with hyphens, so that its bytes give it back. Where all of them are,
    which is the rule, they are read as one text.
    """
    count, joined = len(event_ids), "".join(event_ids)
    if (
        set(map(len, event_ids)) == {_UUID_CHARS}
        and "".join([joined[place::_UUID_CHARS] for place in _HYPHENS]) == "-" * (4 * count)
        and joined.lower() == joined
    ):
        with suppress(ValueError):
            uuids = unhexlify(joined.replace("-", ""))
            if len(uuids) == 16 * count:
                return [uuids[start : start + 16] for start in range(0, 16 * count, 16)]
    return [b""] if count == 1 else [read_uuids((event_id,))[0] for event_id in event_ids]


def make_event_key(project_id: bytes, event_id: str, uuid: bytes, *, public: bool) -> bytes:
    """As `event_key` or `public_event_key`, of an id of which `read_uuids` has said `uuid`."""
    if uuid and not public:
        return project_id + uuid
    digest = sha256(event_id.encode()).digest()
    if public:
        return project_id + _PUBLIC + (uuid or digest)[:6] + digest[6:16]
    return project_id + _HASHED + digest[:16]


def event_key(project_id: bytes, event_id: str) -> bytes:
    """The `_id` of an event: its project and its event id, in 24 or 25 bytes.

    A canonical UUID is kept as its 16 bytes, which keeps the locality of UUIDv7; any other id as a
    type byte and the first 16 bytes of its SHA-256.
    """
    return make_event_key(project_id, event_id, *read_uuids((event_id,)), public=False)


def public_event_key(project_id: bytes, event_id: str) -> bytes:
    """The `_id` of an event that came by a public key, in 25 bytes.

    A namespace of its own: nobody who reads the key in a page takes or guesses an id that a server
    sends. A type byte, the first 6 bytes of the UUID (its time, where it is a UUIDv7; of any other
    id, of its digest) and 10 bytes of the id's SHA-256.
    """
    return make_event_key(project_id, event_id, *read_uuids((event_id,)), public=True)


def make_imported_id(timestamp_ms: int, digest: bytes) -> bytes:
    """What follows the project in the `_id` of an event that came in another program's file.

    A namespace of its own, in the order of time: a type byte, 6 bytes of unix milliseconds and 10
    of a digest of what the file says of it.
    """
    return _IMPORTED + timestamp_ms.to_bytes(6, "big") + digest[:10]


def is_uuid_key(key: bytes) -> bool:
    """Whether the `_id` of an event was made of a canonical UUID, and so tells the event id."""
    return len(key) == UUID_KEY_BYTES


def event_id_of(key: bytes) -> str | None:
    """The event id that `event_key` was made of, if it was a canonical UUID."""
    rest = key[PROJECT_ID_BYTES:]
    return str(UUID(bytes=bytes(rest))) if len(rest) == 16 else None


def ids_of(
    project_id: bytes,
    length: int,
    *,
    first: bytes | None = None,
    after: bytes | None = None,
    last: bytes | None = None,
) -> dict[str, Any]:
    """The condition that `_id` is the project and `length` bytes after it.

    `first`, `after` and `last` bound those bytes, both ends included, `after` left out. BSON
    compares binary values by length before anything else: a bound that is shorter or longer than
    the ids takes in those of other projects. So each is a whole id here, of this project.
    """
    if len(project_id) != PROJECT_ID_BYTES:
        raise ValueError(f"a project id has {PROJECT_ID_BYTES} bytes, not {len(project_id)}")
    low = {"$gte": first or bytes(length)} if after is None else {"$gt": after}
    bounds = {**low, "$lte": last or b"\xff" * length}
    for bound in bounds.values():
        if len(bound) != length:
            raise ValueError(f"a bound of {len(bound)} bytes for ids of {length}")
    return {"_id": {operator: project_id + bound for operator, bound in bounds.items()}}


def event_ids_of(project_id: bytes) -> tuple[dict[str, Any], ...]:
    """The conditions on `_id` that hold a project's events, one for each shape of event id."""
    return tuple(ids_of(project_id, length) for length in EVENT_KEY_BYTES)


def after_project(project_id: bytes, key: bytes | None, length: int) -> bytes | None:
    """What follows the project in `key`; None where that is no id of it with `length` bytes."""
    if key is None or not key.startswith(project_id):
        return None
    rest = bytes(key[len(project_id) :])
    return rest if len(rest) == length else None


class EntryId(msgspec.Struct, frozen=True, order=True, gc=False):
    """A Redis Stream id: unix milliseconds of the acceptance, and a sequence number."""

    ms: int
    sequence: int

    @classmethod
    def parse(cls, text: bytes) -> "EntryId":
        ms, sequence = text.split(b"-")
        return cls(int(ms), int(sequence))

    @classmethod
    def parse_all(cls, texts: Sequence[bytes]) -> "list[EntryId]":
        """As `parse` reads each; what of them is no two numbers is not told from a neighbour's."""
        numbers = list(map(int, b"-".join(texts).split(b"-")))
        return list(map(cls, numbers[::2], numbers[1::2]))

    @property
    def day(self) -> int:
        """The UTC day of the acceptance, in days since 1970."""
        return self.ms // MS_PER_DAY


def make_place(entry_id: EntryId, index: int) -> bytes:
    """Where an event was accepted, in 14 bytes that sort by time: entry id and index."""
    return _PLACE.pack(entry_id.ms, entry_id.sequence, index)


def make_place_begin(entry_id: EntryId) -> bytes:
    """What the places of the events of an entry begin with; the index follows, in 2 bytes."""
    return _PLACE_BEGIN.pack(entry_id.ms, entry_id.sequence)


def parse_place(place: bytes) -> tuple[EntryId, int]:
    ms, sequence, index = _PLACE.unpack(place)
    return EntryId(ms, sequence), index


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def datetime_of_ms(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


def ms_of_datetime(moment: datetime) -> int:
    """Unix milliseconds of an aware datetime."""
    return (moment - _EPOCH) // MILLISECOND


def datetime_of_day(day: int) -> datetime:
    return datetime.fromtimestamp(day * SECONDS_PER_DAY, UTC)


def day_of(moment: datetime) -> int:
    """The UTC day of an aware datetime, in days since 1970."""
    return int(moment.timestamp()) // SECONDS_PER_DAY
