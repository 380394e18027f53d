"""Whether an alert holds, and what follows: pure, of numbers and moments alone."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from notices.documents import AlertTerms
from notices.rules.measuring import IN_POINTS, Measure, find_base

Word = Literal["fired", "again", "over"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`too_few`: there is nothing to judge by, or less than the smallest number."""

    holds: bool
    too_few: bool = False


@dataclass(frozen=True, slots=True)
class Episode:
    """How an alert stands: whether it holds, since when, and who was told.

    `told`: that this episode began was told. `told_at`: when it was last told that one holds, of
    whichever episode.
    """

    firing: bool = False
    since: datetime | None = None
    told: bool = False
    told_at: datetime | None = None


def judge(terms: AlertTerms, found: Measure) -> Verdict:
    if terms["how"] == "silent":
        return Verdict(not found.value)
    if found.value is None or _is_too_few(terms, found):
        return Verdict(holds=False, too_few=True)
    limit = terms["value"] or 0
    match terms["how"]:
        case "above":
            return Verdict(found.value > limit)
        case "below":
            return Verdict(found.value < limit)
    return _judge_change(terms, found, limit)


def _is_too_few(terms: AlertTerms, found: Measure) -> bool:
    """A count is judged as it is, and its change by the larger of both; all else by its base."""
    smallest = terms["smallest"] or 0
    base, before = found.base or 0, found.base_before or 0
    counts = find_base(terms["metric"]) == terms["metric"]
    if terms["how"] != "changed":
        return not counts and base < smallest
    return max(base, before) < smallest if counts else min(base, before) < smallest


def _judge_change(terms: AlertTerms, found: Measure, limit: float) -> Verdict:
    if found.before is None or found.difference is None:
        return Verdict(holds=False, too_few=True)
    by = found.difference if terms["metric"] in IN_POINTS else found.change
    if by is None:  # from 0: more than any share, or nothing at all
        by = float("inf") if found.difference > 0 else found.difference and float("-inf")
    rises, falls = by >= limit, -by >= limit
    match terms["direction"]:
        case "up":
            return Verdict(rises)
        case "down":
            return Verdict(falls)
        case "either":
            return Verdict(rises or falls)


def follow(
    episode: Episode, verdict: Verdict, moment: datetime, pause: timedelta
) -> tuple[Episode, Word | None]:
    """How it stands after a look at `moment`, and the word that is due.

    That it holds is said once, and again after each pause; also where it was over in between, so
    that what flickers does not say more. That it is over is said of what was told.
    """
    if not verdict.holds:
        word: Word | None = "over" if episode.firing and episode.told else None
        return replace(episode, firing=False, since=None, told=False), word
    if not episode.firing:
        episode = replace(episode, firing=True, since=moment, told=False)
    if episode.told_at and moment - episode.told_at < pause:
        return episode, None
    word = "again" if episode.told else "fired"
    return replace(episode, told=True, told_at=moment), word
