"""How many dead letters there may be."""

from django.conf import settings

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.remembered import Remembered

COUNT_KEPT_SECONDS = 10.0

DEAD = "dead"

_room: Remembered[bytes, int] = Remembered(COUNT_KEPT_SECONDS)  # how many may follow


def has_room(project_id: bytes, burials: int) -> bool:
    """Whether `burials` more dead letters are within the bounds of the project and of all.

    Letters are counted once in COUNT_KEPT_SECONDS; in between a process counts its own burials
    and does not know those of others, so together they may go a little over.
    """
    room = _room.get(project_id, lambda: count_room(project_id))
    _room.change(project_id, max(0, room - burials))
    return room >= burials


def count_room(project_id: bytes) -> int:
    """How many more dead letters there may be, counted now."""
    letters = collection(mongo.DEAD_LETTERS)
    room = min(
        most - letters.count_documents(query, limit=most)
        for most, query in (
            (settings.DEAD_LETTERS_MAX_PER_PROJECT, {"project": project_id, "status": DEAD}),
            (settings.DEAD_LETTERS_MAX, {"status": DEAD}),
        )
    )
    return _room.set(project_id, room)
