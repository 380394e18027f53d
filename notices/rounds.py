"""Whose turn it is: rules that are due are looked at, notices that wait are sent."""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from time import monotonic

import structlog
from pymongo.errors import PyMongoError

from analytics.remembered import forgets
from notices.apart import Apart
from notices.outbox.leases import read_clock
from notices.outbox.sending_round import send_waiting
from notices.rules.looking import look_at
from notices.rules.now import signal_sending
from notices.rules.store import list_due, list_due_projects
from notices.sending.send import send
from upkeep.jobs.lane import NOTICE_RULES, NOTICES

log = structlog.get_logger(__name__)

TURN_SECONDS = 1.0
"""So long a project is looked at before the next one has its turn, and to the end of that look."""
MOST_FAILED = 3
"""Of one call: then it is MongoDB, and no rule."""

_round: deque[bytes] = deque()
"""The projects that still have their turn in this round."""


@forgets
def forget_round() -> None:
    _round.clear()


def look_at_rules(budget_seconds: float, clock: Callable[[], datetime] = read_clock) -> bool:
    """Look at the rules that are due until the time is up; whether work is left.

    Projects take turns, so that one with many rules, or with slow ones, makes those of no other
    late. What time it is says MongoDB, to all workers alike. Raises PyMongoError.
    """
    deadline = monotonic() + budget_seconds
    failed: set[str] = set()
    while _round or _begin_round(clock(), failed):
        if monotonic() > deadline:
            return True
        _take_turn(_round.popleft(), clock, failed)
    return False


def _begin_round(now: datetime, failed: set[str]) -> bool:
    _round.extend(list_due_projects(now, failed))
    return bool(_round)


def _take_turn(project_id: bytes, clock: Callable[[], datetime], failed: set[str]) -> None:
    """The rules of a project that are due, as far as its time goes."""
    ends_at = monotonic() + TURN_SECONDS
    for rule in list_due(project_id, clock(), failed):
        try:
            look_at(rule, clock())
        except PyMongoError as exc:
            log.warning("rule_not_looked_at", rule=rule["_id"], error=repr(exc)[:300])
            failed.add(rule["_id"])
            if len(failed) == MOST_FAILED:
                raise
        if monotonic() > ends_at:
            return


def _look(budget_seconds: float) -> bool:
    is_left = look_at_rules(budget_seconds)
    signal_sending()
    return is_left


LOOKING = Apart(NOTICE_RULES, _look)
SENDING = Apart(NOTICES, lambda budget_seconds: send_waiting(send, budget_seconds))
