"""A day looked at on demand: its stored events counted again, against reports and columns."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict
from analytics.events.ids import MS_PER_DAY, day_of
from analytics.projects.models import Project
from columns.files.folder import ColumnsUnavailable
from columns.stored import within
from upkeep.columns.verify import Verification
from upkeep.verify.verify import verify_day

MOST_EVENTS = 200_000
"""Of a day that is verified while somebody waits."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`tables` of the reports and `rows` of the columns are not as stored; `rows` None: not read.

    Of a day of more than MOST_EVENTS nothing was looked at.
    """

    day: date
    events: int
    tables: int = 0
    rows: int | None = 0

    @property
    def is_too_long(self) -> bool:
        return self.events > MOST_EVENTS

    @property
    def is_right(self) -> bool:
        return self.tables == 0 and self.rows == 0


def verify(project: Project, day: date) -> Verdict:
    """The events that are dated on a UTC day. Raises PyMongoError."""
    number = day_of(datetime.combine(day, time(), UTC))
    window = within(project.id_bytes, number * MS_PER_DAY, (number + 1) * MS_PER_DAY)
    events = collection(mongo.EVENTS).count_documents(window, limit=MOST_EVENTS + 1)
    if events > MOST_EVENTS:
        return Verdict(day, events)
    tables = len(verify_day(project.id_bytes, number))
    try:
        rows, _ = Verification(project.id_bytes).verify_day(number)
    except (ColumnsUnavailable, Conflict):
        return Verdict(day, events, tables, None)
    return Verdict(day, events, tables, rows)
