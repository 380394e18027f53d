"""What comes in just now: events as they are stored, and what receivers refused.

Of what was refused no more is told than the page of trust tells: when, why, and by which key.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from analytics.keys.samples import read_samples
from dashboard.address.view import View
from dashboard.asking import Desk
from dashboard.parts.trust.told import Counted, list_refusals, name_keys
from people.saved.filters import Json

MINUTES = 30
SHOWN = 40
MAX_SEARCH_CHARS = 200
SOUGHT_IN = ("path", "event", "source", "country", "browser", "os", "hostname", "title")
PAGEVIEW = "pageview"


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that came; of a refused one `what` is the reason, of an event its path."""

    at: datetime
    what: str
    name: str = ""
    source: str = ""
    country: str = ""
    client: str = ""
    is_bot: bool = False
    is_refused: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether the tracker sends it by itself."""
        return self.name.startswith("$")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is sought in the stream, and whether it stands still."""

    sought: str = ""
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """The latest first; `refused` is of today (UTC), by reason and key."""

    seen: Sequence[Seen]
    refused: Sequence[Counted]
    zone: str


def show_stream(desk: Desk, view: View, asked: Asked) -> Stream:
    """Raises BadRequest and Unavailable, as asking does, PyMongoError and RedisError."""
    desk = desk.of_this_moment()
    end = desk.now + timedelta(minutes=1)  # clocks of senders may be a little ahead
    start = desk.now - timedelta(minutes=MINUTES)
    window = {"start": start.isoformat(), "end": end.isoformat()}
    parts = [part for part in (view.condition, seek(asked.sought)) if part]
    condition = {"and": parts} if len(parts) > 1 else next(iter(parts), None)
    seen = [_show(event, desk) for event in desk.list_events(window, condition, SHOWN)]
    if not view.filters:  # a filter is of events, which refused ones never became
        refused = _list_refused(desk, start, asked.sought)
        seen = sorted([*seen, *refused], key=lambda each: each.at, reverse=True)[:SHOWN]
    return Stream(
        seen=seen,
        refused=list_refusals(desk.project, day=datetime.now(UTC).date())[0],
        zone=str(desk.zone),
    )


def write_asked(asked: Asked) -> tuple[tuple[str, str], ...]:
    """For an address."""
    pairs = (("q", asked.sought), ("stop", "1" if asked.is_stopped else ""))
    return tuple(pair for pair in pairs if pair[1])


def seek(sought: str) -> Json | None:
    """Events that have a text somewhere, in either case."""
    if not sought:
        return None
    return {
        "or": [
            {"field": name, "op": "contains", "values": [sought], "caseSensitive": False}
            for name in SOUGHT_IN
        ]
    }


def _show(event: Json, desk: Desk) -> Seen:
    name = event.get("event", PAGEVIEW)
    client = (event.get("browser"), event.get("os"))
    return Seen(
        at=datetime.fromisoformat(event["timestamp"]).astimezone(desk.zone),
        what=event.get("path", ""),
        name="" if name == PAGEVIEW else name,
        source=event.get("source", ""),
        country=event.get("country", ""),
        client=", ".join(filter(None, client)),
        is_bot="bot" in event,
    )


def _list_refused(desk: Desk, start: datetime, sought: str) -> Iterator[Seen]:
    names = name_keys(desk.project)
    samples = (each for each in read_samples(desk.project.id_bytes) if each.at >= start)
    for sample in islice(samples, SHOWN):
        reason = f"{sample.receiver}/{sample.reason}"
        key = names.get(sample.key_id, sample.key_id)
        if sought.casefold() in f"{reason} {key}".casefold():
            at = sample.at.astimezone(desk.zone)
            yield Seen(at, reason, name=key, is_refused=True)
