"""Have the cache of this host drop what MongoDB does not list any more.

So what is erased is in no cache soon. Each process that uses the columns does it before its first
question, and then now and then; one of a host is enough.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog
from bson.binary import Binary
from django.conf import settings
from pymongo.errors import PyMongoError

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.remembered import forgets
from columns.files.bucket import open_cache
from columns.files.place import ColumnsUnavailable
from columns.files.scratch import remove_left

log = structlog.get_logger(__name__)

SWEEP_SECONDS: Final = 20.0
_ASKED_AT_ONCE: Final = 5_000

_swept_at: list[float] = []
forgets(_swept_at.clear)


def sweep_cache() -> None:
    """Raises ColumnsUnavailable, and what MongoDB's driver raises."""
    if isinstance(settings.COLUMNS_URL, Path):
        return
    try:
        open_cache().sweep(_choose_listed)
    except OSError as exc:
        raise ColumnsUnavailable(repr(exc)) from exc
    _swept_at[:] = [time.monotonic()]


def sweep_once() -> None:
    """Unless this process did it a moment ago."""
    if not _swept_at or time.monotonic() - _swept_at[0] > SWEEP_SECONDS:
        sweep_cache()


def begin_sweeping_host() -> None:
    """Keep the cache and the folders of dead processes swept from now on, in a thread.

    For processes that may not use the columns for long. After their fork.
    """
    if not isinstance(settings.COLUMNS_URL, Path):
        threading.Thread(target=_sweep_forever, name="sweeping", daemon=True).start()


def _sweep_forever() -> None:
    while True:
        with told_where_it_fails():
            remove_left()
            sweep_once()
        time.sleep(SWEEP_SECONDS)


@contextmanager
def told_where_it_fails() -> Iterator[None]:
    """It is done again soon: what a store refuses at this moment is no more than a warning."""
    try:
        yield
    except (PyMongoError, ColumnsUnavailable, OSError) as exc:
        log.warning("sweep_interrupted", error=repr(exc)[:300])
    except Exception:
        log.exception("sweep_failed")


def _choose_listed(segment_ids: set[bytes]) -> set[bytes]:
    """Those that are in the list, or pinned."""
    named = [Binary(segment_id) for segment_id in segment_ids]
    listed: set[bytes] = set()
    for at in range(0, len(named), _ASKED_AT_ONCE):
        some = {"$in": named[at : at + _ASKED_AT_ONCE]}
        found = collection(mongo.COLUMN_SEGMENTS).find({"_id": some}, {"_id": 1})
        listed |= {bytes(segment["_id"]) for segment in found}
    pins = collection(mongo.COLUMN_PINS).find({}, {"segments._id": 1})
    return listed | {bytes(segment["_id"]) for pin in pins for segment in pin["segments"]}
