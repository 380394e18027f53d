"""What the events of an entry have in common, found for all entries of a batch at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from analytics.events.ids import ms_of_datetime
from analytics.projects.horizon import expiry_ms
from analytics.projects.policy import Policy, find_policies
from analytics.projects.zones import LocalDay, Zones, find_day
from ingestion.enrich.countries import Location, choose_locator, find_location
from ingestion.enrich.salts import salts_of_days
from ingestion.store import elements as bson_of
from ingestion.store.elements import begin, int64
from ingestion.stream.entries import ReadEntry

_TIMESTAMP = begin(bson_of.DATETIME, "timestamp")
_INGESTED_AT = begin(bson_of.DATETIME, "ingestedAt")
_EXPIRES_AT = begin(bson_of.DATETIME, "expiresAt")


class Origin(msgspec.Struct, gc=False):
    """What the events of one entry have in common. `salt` is of its day of acceptance."""

    project_id: bytes
    ingested_ms: int
    policy: Policy
    salt: bytes
    locate: Callable[[str], Location] = find_location
    project: bytes = b""  # elements: the project and the begin of the place,
    times: bytes = b""  # and the times of an event without a timestamp of its own

    def __post_init__(self) -> None:
        self.project = bson_of.PROJECT + self.project_id + bson_of.PLACE
        self.times = self.encode_times(self.ingested_ms)

    def date(self, timestamp: datetime) -> tuple[int, bytes]:
        """The moment of an event in unix milliseconds, and its elements of time."""
        timestamp_ms = ms_of_datetime(timestamp)
        return timestamp_ms, self.encode_times(timestamp_ms)

    def encode_times(self, timestamp_ms: int) -> bytes:
        """Its elements `timestamp`, `ingestedAt` and `expiresAt`."""
        times = _TIMESTAMP + int64(timestamp_ms) + _INGESTED_AT + int64(self.ingested_ms)
        days = self.policy.retention_days
        if days is None:
            return times
        return times + _EXPIRES_AT + int64(expiry_ms(timestamp_ms, self.ingested_ms, days))


def find_origins(entries: Sequence[ReadEntry]) -> list[Origin]:
    """One for each entry; those of a project and millisecond share it. Raises PyMongoError."""
    whose = [(read.entry.project_id, read.id.ms) for read in entries]
    policies = find_policies({project_id for project_id, _ in whose})
    moments = dict.fromkeys(whose)
    days = _find_days(moments, policies)
    salts = salts_of_days({(project_id, day) for (project_id, _), day in days.items()})
    locate = choose_locator()
    origins = {
        (project_id, ms): Origin(
            project_id, ms, policies[project_id], salts[project_id, day], locate
        )
        for (project_id, ms), day in days.items()
    }
    return [origins[key] for key in whose]


def _find_days(
    moments: Iterable[tuple[bytes, int]], policies: Mapping[bytes, Policy]
) -> dict[tuple[bytes, int], LocalDay]:
    """The local day of each project and millisecond."""
    last: dict[Zones, LocalDay] = {}
    days: dict[tuple[bytes, int], LocalDay] = {}
    for project_id, ms in moments:
        zones = policies[project_id].zones
        day = last.get(zones)
        if day is None or not day.begin_ms <= ms < day.end_ms:
            day = last[zones] = find_day(zones, ms)
        days[project_id, ms] = day
    return days
