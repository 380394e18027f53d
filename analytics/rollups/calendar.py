"""Months, days, buckets and slots, as the rollups number them.

A *bucket* is 15 minutes, counted from 1970; a *slot* is its number within its UTC day, 0 to 95,
by which the head of a day keeps it. Days are counted from 1970, months from year 0.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from analytics.events.ids import datetime_of_day

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
BUCKET: Final = timedelta(minutes=15)
BUCKET_MS: Final = 15 * 60 * 1000
BUCKETS_PER_DAY: Final = 96

_DAY: Final = timedelta(days=1)


def bucket_of(moment: datetime) -> int:
    """The bucket that `moment` falls in; negative before 1970.

    Raises TypeError for a naive datetime.
    """
    return (moment - EPOCH) // BUCKET


def bucket_moment(bucket: int) -> datetime:
    """When a bucket starts. Raises OverflowError for END_BUCKET."""
    return EPOCH + bucket * BUCKET


def bucket_start(moment: datetime) -> datetime:
    """When the bucket starts that `moment` falls in. Raises TypeError for a naive datetime."""
    return bucket_moment(bucket_of(moment))


def is_aligned(moment: datetime) -> bool:
    """Whether a bucket starts at `moment`."""
    return not (moment - EPOCH) % BUCKET


def slot_of(moment: datetime) -> int:
    """The slot that `moment` falls in."""
    return bucket_of(moment) % BUCKETS_PER_DAY


def slot_moment(day: int, slot: int) -> datetime:
    """When a slot of a day starts; BUCKETS_PER_DAY is the first of the day after."""
    return datetime_of_day(day) + slot * BUCKET


def bucket_at(day: int, slot: int = 0) -> int:
    """The bucket of a slot of a day."""
    return day * BUCKETS_PER_DAY + slot


def days_touched(first_bucket: int, end_bucket: int) -> range:
    """The days with buckets of `[first_bucket, end_bucket)`."""
    return range(first_bucket // BUCKETS_PER_DAY, -(-end_bucket // BUCKETS_PER_DAY))


def month_of(day: int) -> int:
    """The month of a day, counted from year 0."""
    moment = EPOCH + day * _DAY
    return moment.year * 12 + moment.month - 1


def first_day_of(month: int) -> int:
    """The first day of a month; of the one after LAST_MONTH, END_DAY."""
    if month > LAST_MONTH:
        return END_DAY
    return (datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) - EPOCH) // _DAY


def days_of_month(month: int) -> range:
    return range(first_day_of(month), first_day_of(month + 1))


def list_months(days: range) -> range:
    """The months that a not empty range of days touches."""
    return range(month_of(days[0]), month_of(days[-1]) + 1)


# Events lie between 1970 and the end of the calendar of `datetime`.
FIRST_BUCKET: Final = 0
END_BUCKET: Final = bucket_of(datetime.max.replace(tzinfo=UTC)) + 1
END_DAY: Final = END_BUCKET // BUCKETS_PER_DAY
LAST_MONTH: Final = month_of(END_DAY - 1)
