"""Exports that may hold the user go, right after the veil is drawn."""

from analytics.databases.transactions import durable_transaction
from upkeep.erasure.job import Erasure
from upkeep.exports.removal import forget_in_exports, sweep
from upkeep.jobs.job import finish_step, save_progress
from upkeep.jobs.waiting import waiting_for_exports


def remove_exports(job: Erasure) -> None:
    """Those whose moment was before the veil; what is begun since hides the user.

    First nobody is given them any more, then their files go. The step comes once more in the end:
    who wrote one at that moment may have left a file after this looked.
    """
    with durable_transaction() as session:
        removed = forget_in_exports(session, job.project_id, job.id)
        if removed:
            save_progress(job, session, cursor=None, counts={"exports": removed})
    if removed:
        return
    with waiting_for_exports(job):
        sweep(job.project_id)
    with durable_transaction() as session:
        finish_step(job, session)
