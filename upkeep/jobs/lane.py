"""Lanes: one worker process at a time does maintenance of a kind, so that the others drain."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from analytics.databases.redis_clients import broker_client
from analytics.databases.redis_keys import lane_key

# A process that is killed in the lane keeps it for this long.
LEASE_SECONDS = 30.0
RENEW_SECONDS = 10.0
# A lane is free for no more than a moment while there is much to do.
POLL_SECONDS = 0.01

MAINTENANCE: Final = "lane"
EXCHANGE: Final = "exchange-lane"  # what others do waits for no large export
NOTICE_RULES: Final = "notice-rules-lane"
NOTICES: Final = "notices-lane"  # nor does an alert for a server of mail
IMPORTS: Final = "imports-lane"  # which no import waits for


@contextmanager
def enter_lane(lane: str = MAINTENANCE, wait_seconds: float = 0.0) -> Iterator[bool]:
    """Give a lane to this process, or tell that another has it, after `wait_seconds` still.

    Nothing relies on being alone: a process that was frozen may find its lease gone and another
    in the lane, and what both do is safe to do twice. Raises RedisError.
    """
    lock = broker_client().lock(
        lane_key(lane), timeout=LEASE_SECONDS, sleep=POLL_SECONDS, thread_local=False
    )
    if not lock.acquire(blocking=wait_seconds > 0, blocking_timeout=wait_seconds):
        yield False
        return
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(lock, done), daemon=True)
    renewal.start()
    try:
        yield True
    finally:
        done.set()
        renewal.join()
        with suppress(LockError):  # it lapsed meanwhile
            lock.release()


def leave_word(lane: str) -> None:
    """Before one tries a lane: whoever is in it finds this when it has left. Raises RedisError."""
    broker_client().set(lane_key(f"{lane}:word"), 1, ex=int(2 * LEASE_SECONDS))


def take_word(lane: str) -> bool:
    """Whether somebody has left word since the last time. Raises RedisError."""
    return bool(broker_client().delete(lane_key(f"{lane}:word")))


def _renew(lock: Lock, done: threading.Event) -> None:
    while not done.wait(RENEW_SECONDS):
        with suppress(RedisError):
            lock.reacquire()
