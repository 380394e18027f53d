"""Facts: all that the rollups ask of an event.

Where a batch has few events of a bucket, its summary keeps their facts rather than tables of them:
there are eleven tables of each event, and one fact. A summary says `facts` then, a MessagePack
array of them, instead of `tables`, and its format is FACTS_FORMAT.

Values and people are 64-bit hashes in the rollups: blake2b cut to 8 bytes, read as a little-endian
unsigned integer. Two of n values share a hash with a probability of about n**2 / 2**65: 3e-8 among
the million paths of a day, 3e-4 among a hundred million. Two values that do are counted in one row,
under one of the two names; two people that do are counted once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, TypeAlias

import msgspec

from analytics.rollups.calendar import bucket_of
from analytics.rollups.codec import CorruptTable
from analytics.rollups.dimensions import BOT, PAGEVIEW

FEW_FACTS: Final = 64
"""Up to so many are smaller than their tables, and soon made into these by who asks."""

Hit: TypeAlias = tuple[int | None, int | None, bool]
"""What a row counts of an event: the hashes of user and visitor, if any, is it a pageview."""

Client: TypeAlias = tuple[str | None, str | None, str | None]
"""The values of CLIENT_FIELDS."""

Source: TypeAlias = tuple[str | None, str | None, str | None, str | None]
"""The values of SOURCE_FIELDS."""

Fact: TypeAlias = tuple[int, Hit, str, str, str | None, Client, Source, str | None, str | None]
"""All that the rollups ask of an event: bucket number, hit, path, event, country, client, source,
hostname, bot (None: it is of people).

What comes together is kept together: a batch has few clients and sources, so few groups of hits.
"""

CLIENT_FIELDS: Final = ("browser", "os", "device")
SOURCE_FIELDS: Final = ("referrer", "utmSource", "utmMedium", "utmCampaign")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Fact]).decode


HASH_BYTES: Final = 8
U64_MASK: Final = (1 << 64) - 1
"""`visitor & U64_MASK` reads the signed visitor of a stored event as the member it is here."""

# A miss costs about a microsecond. Values of 2,047 characters fill a cache to 32 MiB at most.
_CACHED_VALUES: Final = 1 << 12
_CACHED_USERS: Final = 1 << 14


@lru_cache(maxsize=_CACHED_VALUES)
def hash_value(value: str) -> int:
    """Hash a dimension's value to the key of its row, the same in every project."""
    return int.from_bytes(blake2b(value.encode(), digest_size=HASH_BYTES).digest(), "little")


def hash_user(project: bytes, user_id: str) -> int:
    """Hash a userId under its project, so that one user of two projects has nothing in common."""
    digest = blake2b(user_id.encode(), digest_size=HASH_BYTES, key=project).digest()
    return int.from_bytes(digest, "little")


hash_stored_user = lru_cache(maxsize=_CACHED_USERS)(hash_user)
"""As `hash_user`, for who meets a user again and keeps nothing of it."""

TOTAL_HASH: Final = hash_value("")
"""The key of the one row of the total."""


def make_hit(user_hash: int | None, visitor: int | None, is_view: bool) -> Hit:
    """Return the hit of an event of a (signed) visitor; None: it counts nobody."""
    return user_hash, None if visitor is None else visitor & U64_MASK, is_view


def read_fact(project: bytes, document: Mapping[str, Any]) -> Fact:
    """What the rollups ask of a stored event."""
    get = document.get
    user_id = get("userId")
    user_hash = None if user_id is None else hash_stored_user(project, user_id)
    return (
        bucket_of(document["timestamp"]),
        make_hit(user_hash, get("visitor"), document["event"] == PAGEVIEW),
        document["path"],
        document["event"],
        get("country"),
        (get("browser"), get("os"), get("device")),
        (get("referrer"), get("utmSource"), get("utmMedium"), get("utmCampaign")),
        get("hostname"),
        get(BOT),
    )


def group_by_bucket(facts: Iterable[Fact]) -> dict[int, list[Fact]]:
    buckets: defaultdict[int, list[Fact]] = defaultdict(list)
    for fact in facts:
        buckets[fact[0]].append(fact)
    return buckets


def pack_facts(facts: Sequence[Fact]) -> bytes:
    return _encode(facts)


def unpack_facts(packed: bytes) -> list[Fact]:
    """Raises CorruptTable."""
    try:
        return _decode(packed)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise CorruptTable(f"unreadable facts: {exc}") from exc
