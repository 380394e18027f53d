"""How an event came, as its dead letter keeps it, so that a replay brings it the same way."""

from collections.abc import Mapping
from typing import NamedTuple

from analytics.events.entry import Part


class Arrival(NamedTuple):
    """What the part of an event says beside whose it is and what its sender's browser is."""

    public: bool = False
    from_page: bool = False
    do_not_track: bool = False
    skew_ms: int = 0
    imported: bool = False


_FIELDS = ("public", "fromPage", "doNotTrack", "skewMs", "imported")


def describe_arrival(part: Part) -> dict[str, bool | int]:
    """The fields of a dead letter; what is False or 0 is left out."""
    arrival = (part.public, part.from_page, part.do_not_track, part.skew_ms, part.imported)
    return {name: value for name, value in zip(_FIELDS, arrival, strict=True) if value}


def read_arrival(letter: Mapping[str, object]) -> Arrival:
    """What a dead letter says; one of before there were public keys came by a secret key."""
    public, from_page, do_not_track, skew_ms, imported = (letter.get(name) for name in _FIELDS)
    return Arrival(
        bool(public), bool(from_page), bool(do_not_track), int(str(skew_ms or 0)), bool(imported)
    )
