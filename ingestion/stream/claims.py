"""Who holds an entry: take it over from another consumer, or hold it back.

An entry that is held back stays pending, with a consumer that is no process, and its delivery
count stands still, so waiting makes it no suspect:
- `fuse:` and the project: nobody claims from it while that fuse is open;
- `format:` and a version: only who can read entries of that version claims from it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from analytics.databases import redis_clients as names
from analytics.databases.redis_keys import GROUP, sessions_key, stream_key
from analytics.events.entry import is_known_format
from ingestion.stream.answers import RawEntry, stream_commands
from ingestion.stream.consumers import Consumer
from ingestion.stream.scripts import CLAIM, FORGET_CONSUMER, run_script

_FUSE = "fuse:"
_FORMAT = "format:"

CONSUMER_KEPT_SECONDS = 3_600


class Holding(NamedTuple):
    """A consumer, how many entries it holds, and for how long it has done nothing."""

    name: str
    pending: int
    idle_ms: int

    @property
    def is_holder(self) -> bool:
        """Whether it holds entries back, and is no process."""
        return self.name.startswith((_FUSE, _FORMAT))

    @property
    def is_of_unknown_format(self) -> bool:
        """Whether what it holds is of a format that this release cannot read."""
        kind, _, version = self.name.partition(":")
        return f"{kind}:" == _FORMAT and not is_known_format(bytes.fromhex(version))

    @property
    def is_gone(self) -> bool:
        consumer = Consumer.parse(self.name)
        return consumer is not None and consumer.is_gone


def holder_of(project_id: bytes) -> str:
    """The consumer that holds a project's entries back."""
    return _FUSE + project_id.hex()


def holder_of_format(version: bytes) -> str:
    """The consumer that holds entries of a version until somebody can read them."""
    return _FORMAT + version.hex()


def list_consumers(partition: int) -> list[Holding]:
    consumers = stream_commands().xinfo_consumers(stream_key(partition), GROUP)
    return [
        Holding(_text(item["name"]), int(item["pending"]), int(item["idle"])) for item in consumers
    ]


def claim_entries(
    partition: int, owner: Holding, consumer: str, most: int, *,
    idle_ms: int = 0, most_deliveries: int = 0,
) -> list[RawEntry]:  # fmt: skip
    """Give `consumer` up to `most` entries that `owner` has held for `idle_ms`, oldest first.

    This counts as a delivery, unless the owner holds them back. With `most_deliveries`, only
    entries that were delivered no more often.
    """
    keep_counts = int(owner.is_holder)
    arguments = [
        GROUP, owner.name, consumer, most, idle_ms, most_deliveries, keep_counts,
    ]  # fmt: skip
    client, keys = names.stream_client(), [stream_key(partition)]
    # Redis 6.2 says nil for an entry that was deleted while pending.
    return [raw for raw in run_script(client, CLAIM, keys, arguments) if raw]


def hold_entries(partition: int, holder: str, raw_ids: Sequence[bytes]) -> None:
    """Hold entries back; those that were acked meanwhile are left as they are."""
    stream = stream_key(partition)
    stream_commands().xclaim(stream, GROUP, holder, 0, list(raw_ids), justid=True)


def forget_idle_consumers(partition: int) -> int:
    """Delete consumers that are gone, or idle for an hour, and hold nothing."""
    client = names.stream_client()
    keys = [stream_key(partition), sessions_key(partition)]
    forgotten = 0
    for other in list_consumers(partition):
        if not other.pending and (other.is_gone or other.idle_ms > CONSUMER_KEPT_SECONDS * 1000):
            forgotten += run_script(client, FORGET_CONSUMER, keys, [GROUP, other.name])
    return forgotten


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
