"""Whose turn it is: rules that are due are looked at, notices that wait are sent."""

import time
from collections.abc import Callable
from datetime import datetime

import structlog
from pymongo.errors import PyMongoError

from notices.apart import Apart
from notices.outbox.leases import read_clock
from notices.outbox.sending_round import send_waiting
from notices.rules.looking import look_at
from notices.rules.now import signal_sending
from notices.rules.store import list_due
from notices.sending.send import send
from upkeep.jobs.lane import NOTICE_RULES, NOTICES

log = structlog.get_logger(__name__)

LOOKED_AT_ONCE = 100
MOST_FAILED = 3
"""Of one round: then it is MongoDB, and no rule."""


def look_at_rules(budget_seconds: float, clock: Callable[[], datetime] = read_clock) -> bool:
    """Look at the rules that are due until the time is up; whether work is left.

    What time it is says MongoDB, to all workers alike. Raises PyMongoError.
    """
    deadline = time.monotonic() + budget_seconds
    failed: set[str] = set()
    while due := [rule for rule in list_due(clock(), LOOKED_AT_ONCE) if rule["_id"] not in failed]:
        for rule in due:
            if time.monotonic() > deadline:
                return True
            try:
                look_at(rule, clock())
            except PyMongoError as exc:
                log.warning("rule_not_looked_at", rule=rule["_id"], error=repr(exc)[:300])
                failed.add(rule["_id"])
                if len(failed) == MOST_FAILED:
                    raise
    return False


def _look(budget_seconds: float) -> bool:
    is_left = look_at_rules(budget_seconds)
    signal_sending()
    return is_left


LOOKING = Apart(NOTICE_RULES, _look)
SENDING = Apart(NOTICES, lambda budget_seconds: send_waiting(send, budget_seconds))
