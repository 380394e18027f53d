"""Write the rows of an export: one bounded part of one source a stride, in the order of sources."""

from collections import Counter

import msgspec

from analytics.databases.transactions import Conflict, durable_transaction
from analytics.events.ids import datetime_of_day
from columns.pins import read_pin, unpin
from exchange.outgoing.job import Export
from exchange.outgoing.trouble import ending_in_trouble
from exchange.outgoing.work import hold_work
from exchange.outgoing.writer import Done, Part, RowWriter
from upkeep.jobs.job import finish_step, save_progress


def write_rows(job: Export) -> None:
    """One stride; after the last source the end of the file. Then what was pinned is let go of."""
    with ending_in_trouble(job), hold_work(job) as work:
        pinned = read_pin(job.id, job.project_id)
        if pinned is None:
            raise Conflict("it begins anew")
        done = msgspec.convert(job.cursor or {}, Done)
        writer = RowWriter(job, work, pinned)
        if done.source == writer.sources:
            _finish(job, writer.close(done), done)
            return
        part = writer.write(done)
        following = _add(done, part)
        with durable_transaction() as session:
            counts = {"events": part.days.total()}
            save_progress(job, session, cursor=msgspec.to_builtins(following), counts=counts)


def _finish(job: Export, size: int, done: Done) -> None:
    with durable_transaction() as session:
        unpin(session, job.id)
        finish_step(job, session, bytes=size, days=dict(sorted(done.days.items())))


def _add(done: Done, part: Part) -> Done:
    named = {str(datetime_of_day(day).date()): count for day, count in part.days.items()}
    return Done(
        source=done.source if part.more else done.source + 1,
        row=done.row + part.days.total() if part.more else 0,
        strides=done.strides + 1,
        bytes=part.bytes,
        days=dict(Counter(done.days) + Counter(named)),
    )
