"""Checkpoints: each minute MongoDB learns how much was accepted, and how far the stream was.

`accepted` is counted in Redis alone, so a Redis that lost its tail, or was emptied or replaced,
would forget events and the proof of them together. A checkpoint has a number that Redis keeps,
too: one that knows an older number than MongoDB, or another epoch, has lost what came after. Then
the loss is written down as a gap with its dates, and counting goes on from what is known.
"""

import secrets
from collections import Counter
from functools import partial

import structlog
from django.conf import settings
from pymongo import UpdateOne
from redis.exceptions import RedisError

from analytics.databases import mongo
from analytics.databases import redis_clients as names
from analytics.databases.documents import CheckpointDocument, LedgerDocument, typed
from analytics.databases.mongo import collection
from analytics.databases.redis_commands import typed_commands
from analytics.databases.redis_keys import accepted_key, checkpoint_key, stream_key, waiting_key
from analytics.events.ids import EntryId
from analytics.events.moments import format_moment
from analytics.projects.models import Project
from ingestion.stream.scripts import CHECKPOINT, CLOSE_DAYS, run_script
from upkeep.jobs.setbacks import run_each
from upkeep.ledger.gaps import (
    Mark,
    Reading,
    describe_checkpoint,
    find_loss,
    find_surplus,
    record_gap,
)
from upkeep.ledger.lines import Line, LineKey, by_line, line_id, read_settled

log = structlog.get_logger(__name__)


def take_checkpoints() -> None:
    """Of every partition; a Redis that is full or does not answer is asked again in a minute."""
    run_each(*(partial(_try_checkpoint, number) for number in range(settings.STREAM_PARTITIONS)))


def _try_checkpoint(partition: int) -> None:
    try:
        take_checkpoint(partition)
    except (RedisError, OSError) as exc:
        log.warning("checkpoint_not_taken", partition=partition, error=repr(exc)[:300])


def take_checkpoint(partition: int) -> str | None:
    """Copy what Redis counts to MongoDB; the kind of loss, if there was one.

    Copy first, then forget: a process that dies in between leaves counts in both, and the
    larger one holds.
    """
    row = read_checkpoint(partition)
    open_lines = _read_open_lines(row)
    reading = _read(partition)
    loss = find_loss(row, reading.before, reading.last) or find_surplus(open_lines, reading)
    if row and loss:
        record_gap(partition, row, reading, loss)
        return loss
    copied = _copy_accepted(reading.accepted)
    collection(mongo.LEDGER_CHECKPOINTS).update_one(
        {"_id": partition},
        {"$set": describe_checkpoint(reading), "$max": {"number": reading.mark.number}},
        upsert=True,
    )
    _close_days(partition, {k: n for k, n in copied.items() if k[1] < reading.last.day})
    return None


def read_checkpoint(partition: int) -> CheckpointDocument | None:
    """The last one of a partition; None before the first."""
    return typed(CheckpointDocument, mongo.LEDGER_CHECKPOINTS).find_one({"_id": partition})


def _read_open_lines(row: CheckpointDocument | None) -> list[Line]:
    """The lines of days from the last checkpoint on: those that Redis still counts."""
    if row is None:
        return []
    with mongo.client().start_session(snapshot=True) as session:
        lines = read_settled(session, first_day=EntryId.parse(row["lastId"].encode()).day)
    return list(lines.values())


def find_unrecorded_losses() -> list[str]:
    """For a check between two checkpoints: what the next one will find. Changes nothing."""
    found = []
    client = typed_commands(names.stream_client())
    for partition in range(settings.STREAM_PARTITIONS):
        row = read_checkpoint(partition)
        mark = Mark.parse(client.get(checkpoint_key(partition)) or b"")
        stream = stream_key(partition)
        last = client.xinfo_stream(stream)["last-generated-id"] if client.exists(stream) else b"0-0"
        if row and (loss := find_loss(row, mark, EntryId.parse(last))):
            found.append(f"partition {partition}: the stream's Redis was {loss.replace('_', ' ')} "
                         f"after {format_moment(row['at'], 'seconds')}")  # fmt: skip
    return found


def _read(partition: int) -> Reading:
    keys = [
        make_key(partition)
        for make_key in (
            checkpoint_key, accepted_key, waiting_key, stream_key,
        )
    ]  # fmt: skip
    before, mark, accepted, waiting, last, vanished = run_script(
        names.stream_client(), CHECKPOINT, keys, [secrets.token_hex(8)]
    )
    if vanished:
        log.error("stream_entries_vanished", partition=partition, events=vanished)
    return Reading(
        Mark.parse(before),
        Mark.parse(mark),
        Counter(by_line(accepted)),
        Counter(by_line(waiting)),
        EntryId.parse(last),
    )


def _copy_accepted(accepted: Counter[LineKey]) -> dict[LineKey, int]:
    """Raise the lines of MongoDB to what Redis counts; the lines that MongoDB has now."""
    living = set(Project.objects.filter(deleted_at=None).values_list("pk", flat=True))
    lines = {key: count for key, count in accepted.items() if key[0].hex() in living}
    found = typed(LedgerDocument, mongo.LEDGER).find({"_id": {"$in": [line_id(k) for k in lines]}})
    rows = {(bytes(row["project"]), row["day"]): row for row in found}
    updates = []
    for key, count in lines.items():
        row = rows.get(key)
        known = (row.get("base", 0) if row else 0) + count
        if known > (row.get("accepted", 0) if row else 0):
            updates.append(
                UpdateOne(
                    {"_id": line_id(key)},
                    {
                        "$max": {"accepted": known},
                        "$setOnInsert": {"project": key[0], "day": key[1]},
                    },
                    upsert=True,
                )
            )
    if updates:
        collection(mongo.LEDGER).bulk_write(updates, ordered=False)
    return lines


def _close_days(partition: int, lines: dict[LineKey, int]) -> None:
    """Entry ids only rise, so a day before that of the last one is complete."""
    if lines:
        arguments: list[str | int] = []
        for (project_id, day), count in lines.items():
            arguments += (f"{project_id.hex()}:{day}", count)
        keys = [accepted_key(partition)]
        run_script(names.stream_client(), CLOSE_DAYS, keys, arguments)
