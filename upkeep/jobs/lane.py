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

MAINTENANCE: Final = "lane"
COLUMNS: Final = "columns-lane"  # what is fresh waits for no rebuilding of rollups


@contextmanager
def enter_lane(lane: str = MAINTENANCE) -> Iterator[bool]:
    """Give a lane to this process, or tell that another has it; never waits.

    Nothing relies on being alone: a process that was frozen may find its lease gone and another
    in the lane, and what both do is safe to do twice. Raises RedisError.
    """
    lock = broker_client().lock(
        lane_key(lane), timeout=LEASE_SECONDS, blocking=False, thread_local=False
    )
    if not lock.acquire():
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


def _renew(lock: Lock, done: threading.Event) -> None:
    while not done.wait(RENEW_SECONDS):
        with suppress(RedisError):
            lock.reacquire()
