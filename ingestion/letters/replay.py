"""Replay dead letters: accept their events anew.

Append first, then mark. A process that dies in between leaves letters that are still open; when
they are replayed again their events are found to be stored, and become duplicates. The old
letter stays counted under `dead`, which counts burials.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby, islice
from typing import NamedTuple

import msgspec
from django.conf import settings
from redis.exceptions import RedisError

from analytics.databases import mongo
from analytics.databases import redis_clients as names
from analytics.databases.mongo import Document, collection
from analytics.databases.redis_keys import accepted_key, stream_key, waiting_key, wake_key
from analytics.events.entry import (
    AcceptedEvent,
    Entry,
    Part,
    encode_entry,
    split_events,
    version_of,
)
from analytics.events.ids import EntryId, now_ms
from analytics.projects.models import Project
from analytics.projects.policy import find_policy
from analytics.web.problems import Unavailable
from ingestion.enrich.addresses import apply_ip_rule
from ingestion.letters.change import close_letters
from ingestion.letters.letter import DEAD, REPLAYED, date_payload
from ingestion.store.arrival import Arrival, read_arrival
from ingestion.store.prepare import Failure, prepare
from ingestion.stream.entries import ReadEntry
from ingestion.stream.group_commit import WAIT_MS
from ingestion.stream.memory import MemoryGuard
from ingestion.stream.scripts import REPLAY
from ingestion.stream.signals import publish_drain

CHUNK_LETTERS = 100
SKIPPED = "skipped"


@dataclass(slots=True)
class Replayed:
    """What a replay did, or a dry run would do.

    What can be judged before is: a letter whose event no drain could store is refused, with the
    reason it would be buried for again, and stays open. A replayed one may still be refused by
    the store itself, and then becomes another letter.
    """

    replayed: int = 0
    skipped: int = 0  # not open any more, or their project is gone
    refused: Counter[str] = field(default_factory=Counter)  # by reason
    errors: dict[str, str] = field(default_factory=dict)  # the first of each reason
    outcomes: dict[bytes, str] = field(default_factory=dict)  # replayed, skipped or a reason

    def note(self, letter_ids: Iterable[bytes], outcome: str) -> None:
        for letter_id in letter_ids:
            self.outcomes[letter_id] = outcome
            if outcome == REPLAYED:
                self.replayed += 1
            elif outcome == SKIPPED:
                self.skipped += 1
            else:
                self.refused[outcome] += 1


def find_open(
    project_id: bytes | None = None, reason: str | None = None, ids: Sequence[bytes] = ()
) -> Iterator[bytes]:
    """The ids of open letters, oldest burial first; all that is given must match."""
    query: Document = {"status": DEAD}
    if project_id is not None:
        query["project"] = project_id
    if reason is not None:
        query["reason"] = reason
    if ids:
        query["_id"] = {"$in": list(ids)}
    found = collection(mongo.DEAD_LETTERS).find(query, {"_id": 1})
    return (letter["_id"] for letter in found.sort("buriedAt", 1))


def replay_letters(
    letter_ids: Iterable[bytes],
    by: str,
    why: str,
    *,
    most: int | None = None,
    dry_run: bool = False,
) -> Replayed:
    """Accept the events of open letters again, chunk by chunk, until `most` of them are.

    Raises Unavailable when the stream is full or Redis does not answer: the chunks before are
    replayed, those from there on are as they were.
    """
    done = Replayed()
    remaining = iter(letter_ids)
    while chunk := list(islice(remaining, _room(done, most))):
        letters = list(collection(mongo.DEAD_LETTERS).find({"_id": {"$in": chunk}, "status": DEAD}))
        letters.sort(key=_sender_of)
        for _, group in groupby(letters, key=_sender_of):
            _replay(list(group), by, why, done, dry_run=dry_run)
        done.note((letter_id for letter_id in chunk if letter_id not in done.outcomes), SKIPPED)
    return done


def _room(done: Replayed, most: int | None) -> int:
    return CHUNK_LETTERS if most is None else max(0, min(CHUNK_LETTERS, most - done.replayed))


class _Sender(NamedTuple):
    project_id: bytes
    ip: str
    user_agent: str
    arrival: Arrival

    def make_part(self, ip_kept: str | None, events: Sequence[AcceptedEvent]) -> Part:
        return Part(self.project_id, ip_kept, self.user_agent or None, events, None, *self.arrival)


def _sender_of(letter: Document) -> _Sender:
    return _Sender(
        bytes(letter["project"]),
        letter.get("ip") or "",
        letter.get("userAgent") or "",
        read_arrival(letter),
    )


def _replay(
    letters: Sequence[Document], by: str, why: str, done: Replayed, *, dry_run: bool
) -> None:
    """Replay letters of one sender, all or none of those that could be stored."""
    sender = _sender_of(letters[0])
    project = Project.objects.filter(pk=sender.project_id.hex(), deleted_at=None).first()
    if project is None:
        return
    ip_kept = apply_ip_rule(find_policy(sender.project_id).ip_rule, sender.ip or None)
    skew = timedelta(milliseconds=sender.arrival.skew_ms)  # which moves what has a timestamp
    events = {
        bytes(letter["_id"]): AcceptedEvent(
            letter["eventId"], date_payload(bytes(letter["payload"]), letter["acceptedAt"] - skew)
        )
        for letter in letters
    }
    for letter_id, failure in _judge(sender.make_part(ip_kept, []), events):
        del events[letter_id]
        done.note([letter_id], failure.reason)
        done.errors.setdefault(failure.reason, failure.detail)
    if events and not dry_run:
        runs = split_events(list(events.values()))
        append_again(project, [sender.make_part(ip_kept, run) for run in runs])
        mark_replayed(list(events), by, why)
    done.note(events, REPLAYED)


def _judge(sender: Part, events: Mapping[bytes, AcceptedEvent]) -> Iterator[tuple[bytes, Failure]]:
    """The letters whose event a drain would bury, by the drain's own judgement."""
    part = msgspec.structs.replace(sender, events=list(events.values()))
    read = ReadEntry(b"", EntryId(now_ms(), 0), Entry([part]), 1)
    for letter_id, prepared in zip(list(events), prepare([read]), strict=True):
        if prepared.failure:
            yield letter_id, prepared.failure


def append_again(project: Project, parts: Sequence[Part]) -> None:
    """Append an entry for each part, all of one sender, past rate and quota, and wake a worker.

    Raises Unavailable, with nothing done.
    """
    MemoryGuard().check()
    keys = [
        make_key(project.partition)
        for make_key in (waiting_key, accepted_key, stream_key, wake_key)
    ]
    arguments: list[str | int | bytes] = [
        settings.STREAM_MAX_EVENTS, project.pk, version_of(parts[0]), int(parts[0].public),
    ]  # fmt: skip
    for part in parts:
        arguments += (len(part.events), encode_entry([part]))
    try:
        woken = _append(keys, arguments)
    except (RedisError, OSError) as exc:
        # It may have been appended: then replaying again makes duplicates, which count once.
        raise Unavailable("The stream does not answer.", code="stream_unavailable") from exc
    if woken < 0:
        raise Unavailable("Too many events wait to be stored.", code="stream_full")
    if woken:
        publish_drain(project.partition)


def _append(keys: Sequence[str], arguments: Sequence[str | int | bytes]) -> int:
    """What the script returns, once as many replicas have it as an acceptance waits for."""
    pipeline = names.stream_client().pipeline(transaction=False)
    pipeline.execute_command("EVAL", REPLAY.source, len(keys), *keys, *arguments)
    pipeline.execute_command("WAIT", settings.REDIS_WAIT_REPLICAS, WAIT_MS)
    woken, replicas = pipeline.execute()
    if replicas < settings.REDIS_WAIT_REPLICAS:
        raise RedisError("too few replicas have the write")
    return int(woken)


def mark_replayed(letter_ids: Sequence[bytes], by: str, why: str) -> None:
    close_letters(letter_ids, REPLAYED, by, why)
