"""Look at the entries of a stream without taking them: no consumer, nothing delivered."""

from collections.abc import Iterable, Iterator, Sequence

from redis.exceptions import ResponseError

from analytics.databases.redis_keys import GROUP, stream_key
from analytics.events.entry import Entry, UnknownFormat, UnreadableEntry, decode_entry
from ingestion.stream.answers import StreamCommands, stream_commands

WALK_ENTRIES = 200  # of at most 256 KiB each

WalkedEntry = tuple[bytes, Entry | None]  # its id; None: one that is not for us to read


def walk_stream(partition: int, start: bytes = b"-", last: bytes = b"+") -> Iterator[WalkedEntry]:
    """The entries of a partition from `start` to `last`, oldest first."""
    client = stream_commands()
    while chunk := client.xrange(stream_key(partition), start, last, WALK_ENTRIES):
        yield from _decode(chunk)
        start = b"(" + chunk[-1][0]


def walk_pending(partition: int) -> Iterator[Sequence[WalkedEntry]]:
    """In chunks, the entries that were delivered to a consumer and not acked since."""
    client = stream_commands()
    stream = stream_key(partition)
    start: bytes = b"-"
    while pending := _list_pending(client, stream, start):
        pipeline = client.pipeline(transaction=False)
        for raw_id in pending:
            pipeline.xrange(stream, raw_id, raw_id)
        yield list(_decode(entry for found in pipeline.execute() for entry in found))
        start = b"(" + pending[-1]


def _list_pending(client: StreamCommands, stream: str, start: bytes) -> list[bytes]:
    try:
        found = client.xpending_range(stream, GROUP, start, b"+", WALK_ENTRIES)
    except ResponseError as exc:
        if str(exc).startswith("NOGROUP"):  # nothing was ever drained
            return []
        raise
    return [item["message_id"] for item in found]


def _decode(chunk: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> Iterator[WalkedEntry]:
    for raw_id, fields in chunk:
        try:
            yield raw_id, decode_entry(fields)
        except (UnknownFormat, UnreadableEntry):
            yield raw_id, None
