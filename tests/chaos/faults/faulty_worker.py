"""A worker on which anything fails at any time: an error, a pause or its death at each step."""

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import django
from pymongo.errors import AutoReconnect, OperationFailure
from redis.exceptions import TimeoutError as RedisTimeout

django.setup()

from config.celery import app
from tests.drain.kill_points import (
    STEPS,
    resolve,
)

FAULT_SHARE = 0.01
MAX_PAUSE_SECONDS = 7.0  # some are beyond CLAIM_IDLE_SECONDS

MORE_STEPS = (
    "ingestion.drain.holding.hold_entries",
    "ingestion.drain.reader.claim_entries",
    "ingestion.drain.reader.end_session_of",
    "ingestion.store.transaction.find_stored",
    "ingestion.store.transaction.find_recorded",
    "upkeep.rollups.compaction._compact_day",
    "upkeep.rollups.runs.RunWriter.flush",
    "upkeep.rollups.runs.RunWriter.adopt",
    "upkeep.ledger.lines._compact",
    "upkeep.ledger.checkpoints._copy_accepted",
    "upkeep.ledger.checkpoints._close_days",
)


def fail_perhaps() -> None:
    if random.random() > FAULT_SHARE:
        return
    match random.randrange(6):
        case 0:
            os.kill(os.getpid(), signal.SIGKILL)
        case 1:
            time.sleep(random.uniform(0, MAX_PAUSE_SECONDS))
        case 2:
            raise AutoReconnect("injected")
        case 3:
            labels = {"errorLabels": ["TransientTransactionError"]}
            raise OperationFailure("injected", 112, labels)
        case 4:
            raise RedisTimeout("injected")
        case _:
            raise RuntimeError("injected")


def make_faulty(step: Callable[..., Any]) -> Callable[..., Any]:
    def faulty(*args: Any, **kwargs: Any) -> Any:
        fail_perhaps()
        result = step(*args, **kwargs)
        fail_perhaps()
        return result

    return faulty


for dotted in (*STEPS.values(), *MORE_STEPS):
    owner, name = resolve(dotted)
    setattr(owner, name, make_faulty(getattr(owner, name)))

__all__ = ["app"]
