"""What a check finds."""

from enum import Enum
from typing import NamedTuple


class Level(Enum):
    WELL = "ok"
    DOUBTFUL = "warn"
    WRONG = "BAD"


class Finding(NamedTuple):
    """`advice` says what to do; a finding that all is well has none."""

    level: Level
    what: str
    advice: str = ""


def well(what: str) -> Finding:
    return Finding(Level.WELL, what)


def doubtful(what: str, advice: str) -> Finding:
    """It works, and may not work well or for long; or nobody could look."""
    return Finding(Level.DOUBTFUL, what, advice)


def wrong(what: str, advice: str) -> Finding:
    """Events may be lost, refused or never stored."""
    return Finding(Level.WRONG, what, advice)


def brief(exc: Exception) -> str:
    """What a driver says went wrong, without the state of each server that PyMongo adds to it."""
    return str(exc).split(", Timeout:")[0][:200]
