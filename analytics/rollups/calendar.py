"""Months, days and buckets, as the rollups number them."""

from datetime import UTC, datetime

from analytics.events.ids import datetime_of_day
from analytics.rollups import BUCKET

BUCKETS_PER_DAY = 96


def month_of(day: int) -> int:
    """The month of a day, counted from year 0."""
    moment = datetime_of_day(day)
    return moment.year * 12 + moment.month - 1


def first_day_of(month: int) -> int:
    moment = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return int(moment.timestamp()) // 86_400


def bucket_number(bucket: datetime) -> int:
    """Which of the 96 buckets of its day."""
    return int(bucket.timestamp()) % 86_400 // int(BUCKET.total_seconds())


def bucket_of(day: int, number: int) -> datetime:
    return datetime_of_day(day) + number * BUCKET
