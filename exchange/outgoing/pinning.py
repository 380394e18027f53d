"""The moment of an export: what was stored then is in it, and nothing else."""

from datetime import UTC, datetime
from typing import Final

import structlog

from analytics.databases.transactions import durable_transaction
from analytics.events.ids import ms_of_datetime
from analytics.events.moments import cut_to_ms
from columns.export import export_project
from columns.pins import CannotPin, TailTooLong, pin
from exchange.outgoing.asking import read_question
from exchange.outgoing.job import Export
from upkeep.jobs.job import MustWait, finish_step
from upkeep.jobs.leases import PATIENCE_SECONDS, lease_project
from upkeep.jobs.waiting import waiting_for_folder

log = structlog.get_logger(__name__)

MOST_FRESH: Final = 20_000
"""Fresh events that an export reads itself; where there are more they become a segment first."""


def pin_moment(job: Export) -> None:
    """One stride: pin all that is stored, in one transaction; or make a segment, and try again.

    Waits while events of before there were columns are exported, and while damage is made good.
    """
    window, _ = read_question(job.query)
    as_of = cut_to_ms(datetime.now(UTC))
    try:
        with durable_transaction() as session:
            veils = pin(
                session,
                job.id,
                job.project_id,
                from_ms=ms_of_datetime(window.start) if window.start else None,
                to_ms=ms_of_datetime(window.end) if window.end else None,
                most_fresh=MOST_FRESH,
            )
            finish_step(job, session, asOf=as_of, clearOf=veils)
    except TailTooLong:
        with lease_project(job.project_id, PATIENCE_SECONDS), waiting_for_folder(job):
            export_project(job.project_id)
    except CannotPin as exc:
        log.info("export_waits", job=job.id, reason=str(exc))
        raise MustWait from exc
