"""The raw horizon of a project: from when on all its raw events are kept."""

from datetime import UTC, datetime, timedelta


def raw_horizon(retention_days: int | None, raw_since: datetime | None) -> datetime | None:
    """The later of now less the retention and `raw_since`; None: from ever.

    `raw_since` is what the horizon was when the retention was last made longer: events that a
    shorter one let go do not come back.
    """
    moments = [raw_since] if raw_since else []
    if retention_days is not None:
        moments.append(datetime.now(UTC) - timedelta(days=retention_days))
    return max(moments, default=None)
