"""How long a drain waits for more before it reads again, and who knows that it will.

At little load each transaction costs more than the events in it. So a drain that finds few waits
for others, up to `DRAIN_PATIENCE_SECONDS`; meanwhile the wake flag says that nobody need be
signalled.
"""

from time import monotonic, sleep
from typing import Final

from django.conf import settings

from analytics.databases import redis_clients as names
from analytics.databases.redis_keys import DRAINING, wake_key

LINGER_SECONDS: Final = 0.05
WORTHWHILE_EVENTS: Final = 50
"""So many pay for their transaction: where they come sooner, nobody waits longer for them."""

_FLAG_MS: Final = 2_000  # a drain that is killed keeps others from being signalled for so long
_RENEW_SECONDS: Final = 1.0  # each change of the flag is on the disk of Redis before its answer


class Patience:
    """Of one drain of a partition."""

    def __init__(self, partition: int, *, patient: bool) -> None:
        self._key = wake_key(partition)
        self._most_seconds = settings.DRAIN_PATIENCE_SECONDS if patient else 0.0
        self._flagged_at: float | None = None
        self._read_at = monotonic()

    def begin(self) -> None:
        """Before the first read: whoever comes later signals, or is read by this drain."""
        if self._most_seconds:
            self._raise_flag()
        else:
            self.let_others_signal()

    def let_others_signal(self) -> None:
        """Before a read that may be the last one: what comes after it must find a drain."""
        self._flagged_at = None
        names.stream_client().delete(self._key)

    def wait_for_more(self, events: int) -> None:
        """Fewer and larger batches: `events` were read just now."""
        now = monotonic()
        passed, self._read_at = max(now - self._read_at, LINGER_SECONDS), now
        expected = WORTHWHILE_EVENTS * passed / max(1, events)
        seconds = max(LINGER_SECONDS, min(self._most_seconds, expected))
        if self._most_seconds and (
            self._flagged_at is None or now - self._flagged_at > _RENEW_SECONDS
        ):
            self._raise_flag()
        sleep(seconds)

    def _raise_flag(self) -> None:
        self._flagged_at = monotonic()
        names.stream_client().set(self._key, DRAINING, px=_FLAG_MS)
