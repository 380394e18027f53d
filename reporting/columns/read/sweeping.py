"""Each minute a process drops what MongoDB does not list any more: so nothing erased stays in it.

As its folder and its memory are empty when it starts, this holds before its first question too. The
cache of its host may not be: that is swept when the folder of the columns is first looked at.
"""

import threading
import time

from analytics.databases.mongo import COLUMN_SEGMENTS, COLUMN_VEILS, collection
from columns.files.scratch import remove_left
from columns.files.sweep import sweep_cache, told_where_it_fails
from reporting.columns.read.opening import ViewKey
from reporting.columns.read.remembered import answers
from reporting.columns.read.stored import delete_read_files
from reporting.columns.read.tail import list_stored_fresh, sweep_tails

# A chunk that a question of the last seconds reads is dropped by the next one.
SWEEP_SECONDS = 20.0


def begin_sweeping() -> None:
    """Sweep this process from now on. For processes that answer questions, after their fork."""
    threading.Thread(target=_sweep_forever, name="sweeping", daemon=True).start()


def _sweep_forever() -> None:
    while True:
        time.sleep(SWEEP_SECONDS)
        with told_where_it_fails():
            sweep()


def sweep() -> None:
    """Drop files and answers of what is not listed any more, but what a question still reads.

    And what processes left that were killed.
    """
    remove_left()
    sweep_cache()
    delete_read_files()
    sweep_tails()
    for project_id in answers.list_projects():
        _sweep_answers(project_id)


def _sweep_answers(project_id: bytes) -> None:
    found = collection(COLUMN_SEGMENTS).find({"project": project_id}, {"_id": 1})
    listed = {bytes(segment["_id"]) for segment in found} | list_stored_fresh(project_id)
    veils = {
        (veil["userId"], bytes(veil["lastPlace"]))
        for veil in collection(COLUMN_VEILS).find({"project": project_id})
    }

    def is_current(view: ViewKey) -> bool:
        known = {(veil.user_id, veil.last_place) for veil in view.veils}
        return view.project_id != project_id or (
            view.segments | view.fresh <= listed and known == veils
        )

    answers.keep(is_current)
