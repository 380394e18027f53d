"""What is known of an API key where requests come in: its record, as the mirror in Redis has it."""

from dataclasses import dataclass
from datetime import datetime

SCOPES = ("ingest", "read", "admin")


@dataclass(frozen=True, slots=True)
class Excluded:
    """What a project leaves out: networks in CIDR notation, patterns in which `*` is anything."""

    networks: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    hostnames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What a request may do: one API key and its project, as mirrored in Redis."""

    key_id: str
    project_id: bytes
    scopes: frozenset[str]
    partition: int
    rate_events_per_second: int
    burst_events: int
    quota_events_per_month: int | None  # None: no limit
    retention_days: int | None  # None: kept for ever
    expires_at: float | None  # unix seconds
    revoked: bool
    revision: int  # grows with every change of the key or its project
    digest: bytes  # SHA-256 of the key's text
    project_active: bool = True
    raw_since: datetime | None = None
    leaves_out_bots: bool = False  # of reports that do not say
    # None: any page, but its answers are closed to it; by a public key no page at all.
    allowed_origins: frozenset[str] = frozenset()
    excluded: Excluded | None = None
    public: bool = False
    # What follows is of public keys.
    public_quota_events_per_month: int | None = None  # None: no limit
    public_max_age_hours: int = 24
    allowed_events: frozenset[str] = frozenset()  # none: any, as of the properties
    allowed_properties: frozenset[str] = frozenset()
