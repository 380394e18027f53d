"""Send what waits, one after the other, so that who cannot be reached stops no other."""

import time
from collections.abc import Callable

import structlog
from pymongo.errors import PyMongoError

from analytics.projects.policy import find_policy
from analytics.remembered import forgets
from notices.documents import NoticeDocument, Outcome
from notices.outbox.leases import Clock, claim, end, is_spent
from notices.outbox.notices import is_kept

log = structlog.get_logger(__name__)

# A project that took longer lets the others go first for a while; over what then was not taken, it
# is left alone for as long.
SLOW_SECONDS = 1.0
REST_SECONDS = 30.0

Send = Callable[[NoticeDocument], Outcome]
"""Hands a notice over; never raises, and takes no longer than SEND_SECONDS."""

_resting: dict[bytes, float] = {}
_behind: dict[bytes, float] = {}


@forgets
def forget_resting() -> None:
    _resting.clear()
    _behind.clear()


def send_waiting(send: Send, budget_seconds: float, now: Clock = None) -> bool:
    """Send what is due until the time is up; whether work is left. Raises PyMongoError."""
    deadline = time.monotonic() + budget_seconds
    while (begun := time.monotonic()) < deadline:
        notice = _claim_next(begun, now)
        if notice is None:
            return False
        outcome = _hand_over(notice, send)
        ended = time.monotonic()
        if not end(notice, outcome, now):
            log.warning("notice_lease_lost", notice=notice["key"], result=outcome["result"])
        project_id = bytes(notice["project"])
        is_sent, is_slow = outcome["result"] == "sent", ended - begun > SLOW_SECONDS
        if is_slow:
            (_behind if is_sent else _resting)[project_id] = ended + REST_SECONDS
        if is_sent:
            continue
        log.warning(
            "notice_not_sent", notice=notice["key"], rule=notice["rule"],
            project=project_id.hex(), result=outcome["result"], attempts=notice["attempts"],
        )  # fmt: skip
    return True


def _claim_next(begun: float, now: Clock) -> NoticeDocument | None:
    resting, behind = _list_until(_resting, begun), _list_until(_behind, begun)
    notice = claim([*resting, *behind], now)
    return claim(resting, now) if notice is None and behind else notice


def _list_until(projects: dict[bytes, float], now: float) -> list[bytes]:
    """Those whose time is not over; the others go out of it."""
    for project_id in [each for each, until in projects.items() if until <= now]:
        projects.pop(project_id, None)
    return list(projects)


def _hand_over(notice: NoticeDocument, send: Send) -> Outcome:
    if is_spent(notice):
        return {"result": "failed", "detail": "Whoever tried to send it died, each time."}
    try:
        if find_policy(bytes(notice["project"])).deleted_at:
            return {"result": "dropped", "detail": "The project was deleted."}
        if not is_kept(bytes(notice["project"]), notice["rule"]):
            return {"result": "dropped", "detail": "Its rule was removed."}
        return send(notice)
    except PyMongoError as exc:
        return {"result": "retry", "detail": type(exc).__name__}
    except Exception as exc:  # an error of ours at one notice must not keep the others waiting
        log.exception("notice_failed", notice=notice["key"])
        return {"result": "retry", "detail": type(exc).__name__}
