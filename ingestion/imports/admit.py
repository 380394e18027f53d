"""Admit the events of an import: by the script of all acceptances, after those that are live.

An import has no API key, so neither rate nor quota: those of live events stay theirs. What it may
have in the stream is little: it waits while MOST_WAITING events do, whosever they are, and while
more than MEMORY_SHARE of the memory is in use that events may fill.

The count of what was admitted of an import is the usage of the script, and what may be counted its
quota: it grows in the call that appends. So a call that is repeated appends once, and `fence`,
which raises the usage of before to an era, refuses each that was begun in an earlier one. The era
is the one of the import's document: a fence that was lost, or never went up, is made good by the
next.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from django.conf import settings

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_commands import typed_commands
from analytics.databases.redis_keys import (
    accepted_key,
    allowances_key,
    imported_count_key,
    stream_key,
    waiting_key,
    wake_key,
)
from analytics.events.entry import (
    IMPORTED_VERSION,
    MAX_ENTRY_BYTES,
    MAX_ENTRY_EVENTS,
    AcceptedEvent,
    Part,
    encode_part,
    split_events,
)
from analytics.metrics.counting import note_accepted
from analytics.web.problems import Unavailable
from ingestion.accept.admit import ACCEPTED, OVER_QUOTA, group_commit
from ingestion.accept.plan import encode_section
from ingestion.stream.answers import Argument
from ingestion.stream.calls import CallHead, SectionHead
from ingestion.stream.memory import MemoryGuard
from ingestion.stream.scripts import FENCE, run_script
from ingestion.stream.signals import signal_drain

MOST_WAITING: Final = 4_000
MEMORY_SHARE: Final = 0.4

ERA: Final = 1 << 40
"""The count of an import is of the events admitted, and of its era ERA times."""

_FENCES: Final = "events"  # its month of before, so to speak
_KEPT_SECONDS: Final = 7 * 24 * 3600
_NO_RATE: Final = 1 << 30


class Outcome(Enum):
    ADMITTED = auto()
    AFTER_OTHERS = auto()
    """Too much waits: try again soon."""
    NOT_NOW = auto()
    """The count is not what it was said to be: it was admitted already, or is fenced off."""


def admit_imported(
    project_id: bytes,
    partition: int,
    import_id: str,
    events: Sequence[AcceptedEvent],
    count: int,
) -> Outcome:
    """Append `events` to the stream, all or none, if `count` is what was counted before.

    Raises Unavailable, and the events may be appended then: `read_count` tells.
    """
    guard = MemoryGuard()
    try:
        guard.check(MEMORY_SHARE)
    except Unavailable as exc:
        if exc.code == "stream_full":
            return Outcome.AFTER_OTHERS
        raise
    parts: list[bytes] = []
    for run in split_events(events):
        part = Part(project_id, None, None, run, imported=True)
        parts += (b"%d" % len(run), encode_part(part))
    head = _make_head(project_id, partition, import_id, count + len(events))
    arguments = (b"%d" % (len(parts) // 2), *parts)
    outcome, _, _, wake = group_commit().call(head, arguments)
    if outcome == ACCEPTED:
        note_accepted(project_id, len(events))
        if wake:
            signal_drain(partition)
        return Outcome.ADMITTED
    return Outcome.NOT_NOW if outcome == OVER_QUOTA else Outcome.AFTER_OTHERS


def most_waiting() -> int:
    """So many events may wait while an import goes on."""
    return max(1, min(MOST_WAITING, settings.STREAM_MAX_EVENTS // 2))


def _make_head(project_id: bytes, partition: int, import_id: str, most: int) -> SectionHead:
    """What the script is told: a quota that is used up by these events, and no rate."""
    names = [find(partition) for find in (waiting_key, accepted_key, stream_key, wake_key)]
    limits = (most_waiting(), IMPORTED_VERSION, MAX_ENTRY_EVENTS, MAX_ENTRY_BYTES, _FENCES)
    count_key = imported_count_key(partition, project_id.hex(), import_id)
    names += [allowances_key(partition), count_key]
    section = encode_section((_NO_RATE, _NO_RATE, most), project_id.hex(), "import")
    return SectionHead(CallHead(_encode(names), _encode(limits)), _encode([count_key]), section)


def read_count(project_id: bytes, partition: int, import_id: str) -> int:
    """What was counted of an import. Raises RedisError."""
    name = imported_count_key(partition, project_id.hex(), import_id)
    found = typed_commands(stream_client()).hgetall(name)
    return sum(int(count) for field, count in found.items() if b":" not in field)


def fence(
    project_id: bytes, partition: int, import_id: str, era: int, *, for_good: bool = False
) -> None:
    """Refuse each call that was begun in an earlier era. Raises RedisError.

    What was counted is kept until the import has ended, and for a while after (`for_good`).
    """
    name = imported_count_key(partition, project_id.hex(), import_id)
    kept_seconds = _KEPT_SECONDS if for_good else 0
    run_script(stream_client(), FENCE, [name], [_FENCES, era * ERA, kept_seconds])


def _encode(arguments: Sequence[Argument]) -> tuple[bytes, ...]:
    return tuple(one if isinstance(one, bytes) else str(one).encode() for one in arguments)
