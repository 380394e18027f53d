"""What became of a project's events, as a report tells it."""

from analytics.events.ids import MILLISECOND, day_of
from analytics.keys.refusals import (
    EXCLUDED,
    IGNORED_FIELD,
    LOST_BY_CLIENT,
    PROPERTY_LEFT_OUT,
    read_refusals,
)
from analytics.projects.models import Project
from notices.documents import BooksFacts
from notices.rules.slots import Slot
from upkeep.ledger.steady import read_steady

_NOT_REFUSED = (EXCLUDED, IGNORED_FIELD, LOST_BY_CLIENT, PROPERTY_LEFT_OUT)


def read_books(project: Project, slot: Slot) -> BooksFacts:
    """Of the UTC days of acceptance that the window touches.

    Raises PyMongoError and RedisError.
    """
    days = range(day_of(slot.start), day_of(slot.end - MILLISECOND) + 1)
    lines, off = read_steady(project.id_bytes, days.start)
    lines = [line for line in lines if line.day in days]
    return {
        "accepted": sum(line.accepted for line in lines),
        "stored": sum(line.stored for line in lines),
        "duplicate": sum(line.duplicate for line in lines),
        "dead": sum(line.dead for line in lines),
        "waiting": sum(line.waiting for line in lines),
        "erased": sum(line.erased for line in lines),
        "refused": _count_refused(project, days),
        "missing": sum(count for day, count in off.items() if day in days),
    }


def _count_refused(project: Project, days: range) -> int:
    epoch = range(days.start, days.stop)
    return sum(
        found.times
        for found in read_refusals(project.partition, project.pk)
        if found.reason not in _NOT_REFUSED and (found.day.toordinal() - _EPOCH) in epoch
    )


_EPOCH = 719_163  # the ordinal of 1970-01-01
