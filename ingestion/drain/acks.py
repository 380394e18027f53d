"""The last step: take out of the stream what is stored."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future

from analytics.databases import redis_clients as names
from analytics.databases.redis_keys import GROUP, stream_key, waiting_key
from ingestion.stream.entries import ReadEntry
from ingestion.stream.scripts import ACK, run_script

MAX_RUN_ENTRIES = 1_000  # Lua passes at most some thousands of arguments


class Acks:
    """The acks under way. Each waits for the disk of Redis, and the next batch does not."""

    def __init__(self, acker: Executor) -> None:
        self._acker = acker
        self._futures: deque[Future[None]] = deque()

    def submit(self, partition: int, entries: Sequence[ReadEntry]) -> None:
        self._futures.append(self._acker.submit(ack, partition, entries))

    def check(self, *, wait: bool = False) -> None:
        """Raise the error of an ack that failed; `wait` for all of them."""
        while self._futures and (wait or self._futures[0].done()):
            self._futures.popleft().result()


def ack(partition: int, entries: Sequence[ReadEntry]) -> None:
    """Take stored entries out of the stream and off the books of what waits."""
    runs: dict[tuple[bytes, bool, int, int], list[bytes]] = {}
    for read in entries:
        entry = read.entry
        run = (entry.project_id, entry.public, read.id.day, entry.event_count)
        runs.setdefault(run, []).append(read.raw_id)
    arguments: list[object] = [GROUP]
    for (project_id, public, _, events), ids in runs.items():
        for start in range(0, len(ids), MAX_RUN_ENTRIES):
            part = ids[start : start + MAX_RUN_ENTRIES]
            arguments += (project_id.hex(), int(public), events, len(part), *part)
    keys = [stream_key(partition), waiting_key(partition)]
    run_script(names.stream_client(), ACK, keys, arguments)
