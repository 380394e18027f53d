"""The raw horizon of a project: from when on all its raw events are kept."""

from datetime import UTC, datetime, timedelta

from analytics.events.ids import MILLISECOND, MS_PER_DAY


def raw_horizon(retention_days: int | None, raw_since: datetime | None) -> datetime | None:
    """The later of now less the retention and `raw_since`; None: from ever.

    `raw_since` is what the horizon was when the retention was last made longer: events that a
    shorter one let go do not come back.
    """
    moments = [raw_since] if raw_since else []
    if retention_days is not None:
        moments.append(datetime.now(UTC) - timedelta(days=retention_days))
    return max(moments, default=None)


def columns_horizon(
    retention_days: int | None,
    raw_since: datetime | None,
    columns_days: int | None,
    columns_since: datetime | None,
) -> datetime | None:
    """As the raw horizon, or earlier where columns are kept for longer: from when on they hold all.

    `columns_since` is what it was when any of the two was last changed.
    """
    raw = raw_horizon(retention_days, raw_since)
    if columns_days is None or raw is None:
        return raw
    return min(raw, max(filter(None, (raw_horizon(columns_days, None), columns_since))))


RETENTION_GRACE = timedelta(days=7)


def expiry(timestamp: datetime, ingested_at: datetime, days: int | None) -> datetime | None:
    """When the stored event may go; None: never."""
    if days is None:
        return None
    return max(timestamp, ingested_at) + timedelta(days=days) + RETENTION_GRACE


def expiry_ms(timestamp_ms: int, ingested_ms: int, days: int) -> int:
    """As `expiry`, in unix milliseconds."""
    return max(timestamp_ms, ingested_ms) + days * MS_PER_DAY + RETENTION_GRACE // MILLISECOND
