"""What is logged once per request: a few lines a second of each kind, and the number of the others.

A store that is down, or a client that sends nonsense as fast as it can, would fill a disk with
one and the same line. Each refusal is counted by its code in the metrics all the same.
"""

import time
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from analytics.remembered import forgets

log = structlog.get_logger(__name__)

LINES_PER_SECOND = 5

# Lines that one request makes, whoever sends it. The others are rare, or each of them matters.
_PER_REQUEST = frozenset(
    (
        *("refused", "request_malformed", "unexpected_error", "connection_dropped"),
        *("origins_unreadable", "rate_not_counted", "sighting_not_noted", "failures_limited"),
        *("failures_not_shared", "key_use_not_noted", "key_mirror_unreachable"),
        *("key_mirror_unreadable", "mirror_restore_not_asked", "store_unavailable"),
        "signal_not_sent",
    )
)
_NAMES_OF_KINDS = ("code", "reason", "limit")

Kind = tuple[str, str]


class _Second:
    """Of one kind: the lines of this second, and those left out that nobody was told of."""

    __slots__ = ("began", "left_out", "lines")

    def __init__(self) -> None:
        self.began, self.lines, self.left_out = float("-inf"), 0, 0


_seconds: dict[Kind, _Second] = {}


def count_line(kind: Kind) -> int | None:
    """How many lines like this one were left out before it; None: it is left out itself."""
    second = _seconds.get(kind)
    if second is None:
        second = _seconds.setdefault(kind, _Second())
    now = time.monotonic()
    if now - second.began >= 1:
        second.began, second.lines = now, 0
    second.lines += 1
    if second.lines > LINES_PER_SECOND:
        second.left_out += 1
        return None
    left_out, second.left_out = second.left_out, 0
    return left_out


def limit_lines(logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A processor of structlog's. Kinds are few: an event and its code, both of our own choice."""
    if event["event"] not in _PER_REQUEST:
        return event
    detail = next((str(event[name]) for name in _NAMES_OF_KINDS if name in event), "")
    left_out = count_line((event["event"], detail))
    if left_out is None:
        raise structlog.DropEvent
    if left_out:
        event["left_out"] = left_out
    return event


def tell_left_out() -> None:
    """Log how many lines were left out of each kind, now that a second is over."""
    for (name, detail), second in list(_seconds.items()):
        if second.left_out and time.monotonic() - second.began >= 1:
            left_out, second.left_out = second.left_out, 0
            log.warning("lines_left_out", of=name, kind=detail, left_out=left_out)


@forgets
def forget_lines() -> None:
    """Begin anew, as a restart would."""
    _seconds.clear()
