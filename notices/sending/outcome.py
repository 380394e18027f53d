"""Outcomes of attempts. Their details are sentences of ours: nothing of what the other side said
but its status."""

from notices.documents import Outcome

SENT: Outcome = {"result": "sent", "detail": ""}


def retry(why: str, after_seconds: float | None = None) -> Outcome:
    """It may go well another time, `after_seconds` from now at the earliest."""
    outcome: Outcome = {"result": "retry", "detail": why}
    if after_seconds is not None:
        outcome["retryAfterSeconds"] = after_seconds
    return outcome


def failed(why: str) -> Outcome:
    """It would go wrong each time."""
    return {"result": "failed", "detail": why}


def dropped(why: str) -> Outcome:
    """Nobody is to be told any more."""
    return {"result": "dropped", "detail": why}
