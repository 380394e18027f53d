"""What `sentAt` tells of a client's clock, and the ages of events by the clock so corrected."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from analytics.events.event import EPOCH, check_age
from analytics.events.ids import MILLISECOND
from analytics.events.invalid_event import InvalidEvent
from analytics.events.moments import move
from analytics.keys.records import KeyRecord

# Later than now by more: the clock is fast. Earlier by more: it is slow; less may be the way.
_FAST, _SLOW = timedelta(seconds=1), timedelta(seconds=60)
# No clock is so far ahead: such a moment tells nothing, and would move events out of the calendar.
_TELLS_NOTHING = timedelta(days=100 * 365)
_PUBLIC_MAX_FUTURE = timedelta(minutes=5)


def find_skew_ms(sent_at: Iterable[datetime], now: datetime) -> int:
    """By how much the events of a request move, in milliseconds: back where it is negative.

    `sent_at` are those that the events of the request tell; the latest counts.
    """
    latest = max(sent_at, default=now)
    ahead = latest - now
    if -_SLOW <= ahead <= _FAST or ahead > _TELLS_NOTHING:
        return 0
    return -(ahead // MILLISECOND)


def check_moment(timestamp: datetime, skew_ms: int, now: datetime, key: KeyRecord) -> None:
    """Refuse a moved timestamp that is too old, or too far ahead, for the project or the key."""
    moved = move(timestamp, skew_ms) if skew_ms else timestamp
    if moved < EPOCH:
        detail = "timestamp is before 1970, moved by what sentAt tells of its clock."
        raise InvalidEvent("timestamp", "timestamp_too_old", detail)
    check_age(moved, now, key.retention_days)
    if not key.public:
        return
    if moved - now > _PUBLIC_MAX_FUTURE:
        detail = "timestamp is more than 5 minutes ahead."
        raise InvalidEvent("timestamp", "timestamp_in_future", detail)
    if now - moved > timedelta(hours=key.public_max_age_hours):
        detail = (
            f"timestamp is older than the {key.public_max_age_hours} hours that public keys of "
            "this project may go back."
        )
        raise InvalidEvent("timestamp", "timestamp_too_old", detail)
