"""What becomes of an export that meets trouble: it fails with a code, waits, or begins anew."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from analytics.databases.transactions import durable_transaction
from analytics.web.problems import BadRequest
from columns.rewrite import note_damage
from columns.segments import DamagedSegment
from exchange.outgoing.job import Export, fail
from exchange.outgoing.work import WorkLost
from upkeep.exports.folder import ExportsFull
from upkeep.exports.removal import begin_anew
from upkeep.jobs.job import MustWait
from upkeep.jobs.waiting import waiting_for_folder

log = structlog.get_logger(__name__)

MOST_ATTEMPTS: Final = 5
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

REASONS: Final = {
    "exports_full": "The project's exports would have taken more than its share of EXPORTS_MAX_MB.",
    "disk_full": "The disk of the exports is full.",
    "export_too_large": "It took more memory, or space beside it, than an export may have.",
    "export_lost": "What was written was gone, again and again: is the folder shared?",
    "bad_pattern": "A pattern of its filter is refused.",
    "export_too_slow": "It was not done after a day.",
}
"""Why an export failed, by the code."""


@contextmanager
def ending_in_trouble(job: Export) -> Iterator[None]:
    """For a stride. It leaves nothing half: who fails is done, and its folder is swept."""
    from duckdb import IOException, OutOfMemoryException  # as in columns/files/engine.py

    try:
        with waiting_for_folder(job):
            yield
    except DamagedSegment as exc:
        note_damage(exc.segment)
        _begin_anew(job, exc)
    except WorkLost as exc:
        if job.attempt >= MOST_ATTEMPTS:
            _fail(job, "export_lost")
        else:
            _begin_anew(job, exc)
    except ExportsFull:
        _fail(job, "exports_full")
    except OutOfMemoryException:
        _fail(job, "export_too_large")
    except BadRequest:
        _fail(job, "bad_pattern")
    except IOException as exc:
        if "No space left" not in str(exc):
            raise
        _fail(job, "disk_full")
    except OSError as exc:
        if exc.errno not in _FULL:
            raise
        _fail(job, "disk_full")


def _begin_anew(job: Export, exc: Exception) -> None:
    """With another moment; after damage once what the segment held is made anew."""
    log.warning("export_begins_anew", job=job.id, error=str(exc))
    with durable_transaction() as session:
        begin_anew(session, {"_id": job.id, "revision": job.revision})
    raise MustWait from exc


def _fail(job: Export, code: str) -> None:
    log.warning("export_failed", job=job.id, code=code)
    with durable_transaction() as session:
        fail(job, session, code)
