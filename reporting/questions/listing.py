"""Questions for stored events themselves, and for what properties they have."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from reporting.questions.conditions import Condition
from reporting.questions.window import Window


@dataclass(frozen=True, slots=True)
class EventPlace:
    """Where an event stands among others: its time, then its id without the project."""

    timestamp_ms: int
    id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsQuery:
    """A page of events by timestamp, then id, falling: those after the place of one.

    Of all events only those that pass `restriction` are there; so with PropertiesQuery.
    """

    project: bytes
    window: Window
    timezone: tzinfo
    condition: Condition | None = None
    restriction: Condition | None = None
    limit: int
    after: EventPlace | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertiesQuery:
    """The properties of the events in a window, or of those with one name; the most frequent."""

    project: bytes
    window: Window
    timezone: tzinfo
    raw_horizon: datetime | None = None
    event: str | None = None
    leaves_out_ours: bool = False  # events whose names begin with $, which the service defines
    restriction: Condition | None = None
    limit: int = 500
