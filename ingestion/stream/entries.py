"""Entries in hand, and the suspects among them.

A suspect was delivered so often that it has perhaps killed its processes. It is handled alone,
event by event, and after others, so that they flow. If its process dies it rests until it is
stale (CLAIM_IDLE_SECONDS) before another takes it over. It is never buried for that: it waits
for a release that can handle it.
"""

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import repeat

import msgspec
import structlog

from analytics.events.entry import (
    DATA_FIELD,
    VERSION_FIELD,
    Entry,
    UnknownFormat,
    UnreadableEntry,
    decode_all_parts,
    decode_entry,
    has_parts,
)
from analytics.events.ids import EntryId
from ingestion.stream import claims
from ingestion.stream.answers import RawEntry

log = structlog.get_logger(__name__)

MAX_SHARED_DELIVERIES = 5

_NOT_ALIKE = (UnreadableEntry, msgspec.MsgspecError, RecursionError, TypeError, ValueError)
"""What reading entries in one go raises of one that is deleted, of another format or broken."""


class ReadEntry(msgspec.Struct, frozen=True, gc=False):
    """An entry in hand, delivered for the nth time; after the first, it may be stored already."""

    raw_id: bytes
    id: EntryId
    entry: Entry
    deliveries: int
    size_bytes: int = 0

    @property
    def redelivered(self) -> bool:
        return self.deliveries > 1

    @property
    def is_suspect(self) -> bool:
        """Whether it must be handled alone, event by event."""
        return self.deliveries > MAX_SHARED_DELIVERIES


def decode_entries(
    partition: int, raw_entries: Sequence[RawEntry], deliveries: Mapping[bytes, int]
) -> list[ReadEntry]:
    """Decode what can be; an entry that cannot stays pending, with an error in the log.

    One of a later format is held for who can read it: that we looked at it is no delivery.
    """
    with suppress(*_NOT_ALIKE):
        return _decode_alike(raw_entries, deliveries)
    decoded: list[ReadEntry] = []
    unknown: dict[bytes, list[bytes]] = {}
    for raw_id, fields in raw_entries:
        if not fields:
            continue
        pairs = fields if isinstance(fields, dict) else pair_up(fields)
        try:
            entry = decode_entry(pairs)
        except (UnknownFormat, UnreadableEntry) as exc:
            log.error("entry_not_understood", entry_id=raw_id.decode(), error=repr(exc))
            if isinstance(exc, UnknownFormat):
                unknown.setdefault(exc.version, []).append(raw_id)
            continue
        entry_id, times = EntryId.parse(raw_id), deliveries.get(raw_id, 1)
        decoded.append(ReadEntry(raw_id, entry_id, entry, times, len(pairs[DATA_FIELD])))
    for version, raw_ids in unknown.items():
        claims.hold_entries(partition, claims.holder_of_format(version), raw_ids)
    return decoded


def _decode_alike(
    raw_entries: Sequence[RawEntry], deliveries: Mapping[bytes, int]
) -> list[ReadEntry]:
    """As `decode_entries`, step by step for all, where each is of a known format with parts.

    What is done to an entry by itself is much where it holds one event. Raises one of _NOT_ALIKE.
    """
    raw_ids, fields = zip(*raw_entries, strict=True)
    names, versions, data_names, datas = zip(*fields, strict=True)
    if {*names} != {VERSION_FIELD} or {*data_names} != {DATA_FIELD}:
        raise ValueError("other fields")
    if not all(map(has_parts, {*versions})):
        raise ValueError("another format")
    times = [deliveries.get(raw_id, 1) for raw_id in raw_ids] if deliveries else repeat(1)
    ids, entries = EntryId.parse_all(raw_ids), decode_all_parts(datas)
    return list(map(ReadEntry, raw_ids, ids, entries, times, map(len, datas)))


def pair_up(fields: list[bytes]) -> dict[bytes, bytes]:
    """Names and values by turns, as a dict."""
    items = iter(fields)
    return dict(zip(items, items, strict=True))


def pick_suspect(suspects: list[ReadEntry]) -> ReadEntry:
    """Take one out, at random: the one that kills must not always come before the same others."""
    suspect = suspects.pop(random.randrange(len(suspects)))
    log.warning("suspect_handled", entry_id=suspect.raw_id.decode(), deliveries=suspect.deliveries)
    return suspect
