"""Who holds an entry: take it over from another consumer, or hold it back for a fuse.

An entry that a fuse holds back stays pending, with a consumer that is no process: `fuse:` and
the project. Nobody claims from it while the fuse is open, and its entries' delivery counts stand
still, so waiting makes none of them suspect.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from analytics import redis as names
from ingestion.consumers import Consumer
from ingestion.scripts import CLAIM, run_script

_HOLDER = "fuse:"

# (id, fields): redis-py parses the fields of a command's answer to a dict, a script's stay a
# list. The fields of an entry that was deleted while pending are empty or None.
RawEntry = tuple[bytes, Any]


class Holding(NamedTuple):
    """A consumer, how many entries it holds, and for how long it has done nothing."""

    name: str
    pending: int
    idle_ms: int

    @property
    def is_holder(self) -> bool:
        """Whether it is a fuse's, and no process."""
        return self.name.startswith(_HOLDER)

    @property
    def is_gone(self) -> bool:
        consumer = Consumer.parse(self.name)
        return consumer is not None and consumer.is_gone


def holder_of(project_id: bytes) -> str:
    """The consumer that holds a project's entries back."""
    return _HOLDER + project_id.hex()


def list_consumers(partition: int) -> list[Holding]:
    consumers: Any = names.stream_client().xinfo_consumers(names.stream_key(partition), names.GROUP)
    return [
        Holding(_text(item["name"]), int(item["pending"]), int(item["idle"])) for item in consumers
    ]


def claim_entries(
    partition: int, owner: Holding, consumer: str, most: int, *,
    idle_ms: int = 0, most_deliveries: int = 0,
) -> list[RawEntry]:  # fmt: skip
    """Give `consumer` up to `most` entries that `owner` has held for `idle_ms`, oldest first.

    This counts as a delivery, unless the owner is a fuse. With `most_deliveries`, only entries
    that were delivered no more often.
    """
    keep_counts = int(owner.is_holder)
    arguments = [
        names.GROUP, owner.name, consumer, most, idle_ms, most_deliveries, keep_counts,
    ]  # fmt: skip
    client, keys = names.stream_client(), [names.stream_key(partition)]
    # Redis 6.2 says nil for an entry that was deleted while pending.
    return [raw for raw in run_script(client, CLAIM, keys, arguments) if raw]


def hold_entries(partition: int, project_id: bytes, raw_ids: Sequence[bytes]) -> None:
    """Hold entries back; those that were acked meanwhile are left as they are."""
    client: Any = names.stream_client()
    stream, holder = names.stream_key(partition), holder_of(project_id)
    client.xclaim(stream, names.GROUP, holder, 0, list(raw_ids), justid=True)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
