"""One look at one rule, whatever comes of it: it is taken, judged, and put down until the next.

A rule is *taken* by moving its next look a little on: so whoever dies over it, or fails, leaves
the others their turn, and comes back to it. What a look finds and the notices it makes are
written together (`store.write_look`), and only where the rule is still as it was taken: a look
that two processes have, or that one has again, counts once.
"""

from datetime import datetime, timedelta

import structlog

from analytics.databases.transactions import Conflict
from analytics.web.problems import BadRequest, Unavailable
from notices.documents import RuleDocument, Trouble
from notices.rules import alerts, reports
from notices.rules.asking import Broken, open_desk
from notices.rules.store import write_look
from notices.rules.terms import find_project

log = structlog.get_logger(__name__)

TAKEN = timedelta(minutes=2)
"""So long nobody else looks at it."""
# Until the next look after one that failed: for the moment, or as long as the rule is as it is.
MOMENT = timedelta(minutes=1)
LATER = timedelta(hours=1)
_EXPENSIVE = ("query_timeout", "query_too_large")
INTERNAL = "internal_error"


def look_at(rule: RuleDocument, now: datetime) -> None:
    """Raises PyMongoError; all else stands with the rule as its trouble."""
    project = find_project(bytes(rule["project"]))
    if project is None:  # its rules go with it
        write_look(rule, {"nextAt": now + LATER})
        return
    taken: RuleDocument | None = rule
    try:
        desk = open_desk(project, now)
        way = alerts if rule["kind"] == "alert" else reports
        if rest := way.find_rest(rule, desk):
            write_look(rule, {"nextAt": rest})
        elif taken := take(rule, now):
            way.look_at(taken, desk)
    except Conflict:
        return
    except Broken as exc:
        note_trouble(taken or rule, exc.code, str(exc), now, LATER)
    except BadRequest as exc:
        pause = LATER if exc.code in _EXPENSIVE else MOMENT * 10
        note_trouble(taken or rule, exc.code, _tell(exc), now, pause)
    except Unavailable as exc:
        note_trouble(taken or rule, exc.code, _tell(exc), now, MOMENT)
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as exc:
        # An error of ours at one rule must not keep the others from being looked at.
        log.exception("rule_failed", rule=rule["_id"], project=project.pk)
        detail = f"An error of the service ({type(exc).__name__}); it is in its log."
        note_trouble(taken or rule, INTERNAL, detail, now, LATER)


def take(rule: RuleDocument, now: datetime) -> RuleDocument | None:
    """The rule as it stands from now on; None where somebody else has it, or has changed it."""
    until = now + TAKEN
    change = {"nextAt": until}
    if not write_look(rule, change):
        return None
    return {**rule, "nextAt": until, "revision": rule["revision"] + 1}


def note_trouble(
    rule: RuleDocument, code: str, detail: str, now: datetime, rest: timedelta
) -> None:
    before = rule["trouble"]
    since = before["since"] if before and before["code"] == code else now
    trouble: Trouble = {"code": code, "detail": detail[:300], "since": since}
    log.warning(
        "rule_in_trouble", rule=rule["_id"], project=bytes(rule["project"]).hex(), code=code
    )
    write_look(rule, {"trouble": trouble, "lookedAt": now, "nextAt": now + rest})


def _tell(exc: BadRequest | Unavailable) -> str:
    return "; ".join(str(error["detail"]) for error in exc.errors) or exc.detail
