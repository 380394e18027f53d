"""Read the file of an import: make an event of each row, and a report of all of them."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Final

from django.conf import settings

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict, durable_transaction
from analytics.events.invalid_event import InvalidEvent
from analytics.projects.key_mirror import read_excluded
from analytics.projects.models import Project
from analytics.projects.policy import find_policy
from exchange.incoming.job import Import
from exchange.incoming.making import Maker, Making
from exchange.incoming.ordinals import Ordinals
from exchange.incoming.readings import READINGS
from exchange.incoming.rows import Item, LeftOut
from exchange.incoming.spool import (
    BLOCK_BYTES,
    BLOCK_EVENTS,
    SAMPLES,
    State,
    Taken,
    open_spool,
    read_state,
    write_block,
    write_state,
)
from exchange.incoming.trouble import ending_in_trouble
from upkeep.imports.ending import user_hash
from upkeep.imports.folder import check_room, folder_of
from upkeep.jobs.job import MustWait, finish_step

STRIDE_SECONDS: Final = 2.0
_ROOM_BYTES: Final = 16 * 1024 * 1024


def read_file(job: Import) -> None:
    """One stride: rows for STRIDE_SECONDS; after the last one, the report.

    Every other process waits meanwhile: a row has its ordinal by those before it.
    """
    with ending_in_trouble(job), _hold(job) as folder:
        check_room(job.project_id, _ROOM_BYTES)
        with ExitStack() as stack:
            taking = _Taking(job, folder, stack)
            is_whole = taking.go_on()
        state = taking.state
        if not is_whole:
            _note(job, state)
            return
        kept_until = datetime.now(UTC) + timedelta(hours=settings.IMPORTS_KEPT_HOURS)
        with durable_transaction() as session:
            finish_step(
                job, session, report=state.report, readSoFar=_so_far(state), keptUntil=kept_until
            )


def _so_far(state: State) -> dict[str, int]:
    return {"rows": state.report["rows"], "bytes": state.read_bytes}


def _note(job: Import, state: State) -> None:
    """Tell how far it is. Raises Conflict where the import has ended, or is another's by now."""
    noted = collection(mongo.IMPORTS).update_one(
        {"_id": job.id, "revision": job.revision, "open": True},
        {"$set": {"readSoFar": _so_far(state)}},
    )
    if not noted.matched_count:
        raise Conflict("it is not as it was read")


@contextmanager
def _hold(job: Import) -> Iterator[Path]:
    """The folder, for one process at a time. Raises MustWait, Conflict, and OSError."""
    folder = folder_of(job.project_id, job.id)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise MustWait from exc
        same = {"_id": job.id, "revision": job.revision, "open": True}
        if collection(mongo.IMPORTS).find_one(same, {"_id": 1}) is None:
            raise Conflict("another process was faster")
        yield folder
    finally:
        os.close(lock)


class _Taking:
    """One stride of reading: what it has in hand, and what is on the disk."""

    def __init__(self, job: Import, folder: Path, stack: ExitStack) -> None:
        project = Project.objects.get(pk=job.project_id.hex())
        choice = job.document["choice"]
        assert choice is not None
        self.state = read_state(folder)
        self._job = job
        self._folder = folder
        self._maker = Maker(
            job.project_id, choice["source"], find_policy(job.project_id), read_excluded(project)
        )
        self._spool: IO[bytes] = stack.enter_context(open_spool(folder, self.state.spool_bytes))
        self._ordinals = stack.enter_context(Ordinals(folder))
        self._block: list[tuple[bytes, Taken]] = []
        self._block_bytes = 0

    def go_on(self) -> bool:
        """Take rows for a while; whether the file has no more. Raises SourceError and MustWait.

        A reading that begins here passes the rows before first, for as many strides as that takes.
        """
        reading = READINGS.take(self._job, self.state.report["rows"])
        try:
            if not reading.is_there(time.monotonic() + STRIDE_SECONDS):
                READINGS.give_back(self._job, reading)
                return False
            deadline = time.monotonic() + STRIDE_SECONDS
            for item in reading:
                if item.row > self.state.report["rows"]:
                    self._take(item)
                if time.monotonic() > deadline:
                    self._keep(reading.read_bytes)
                    READINGS.give_back(self._job, reading)
                    return False
        except BaseException:
            reading.close()
            raise
        reading.close()
        self._keep(reading.read_bytes)
        return True

    def _take(self, item: Item) -> None:
        report = self.state.report
        report["rows"] = item.row
        if isinstance(item, LeftOut):
            self._leave_out(item.row, item.reason, item.detail)
            return
        name = self._maker.name(item)
        ordinal = self._ordinals.count(name, item.row)
        if item.made is not None and ordinal:
            report["doubles"] += 1
            return
        try:
            making = self._maker.make(item, name, ordinal)
        except InvalidEvent as exc:
            self._leave_out(item.row, exc.code, exc.detail)
            return
        self._add(making)

    def _leave_out(self, row: int, reason: str, detail: str) -> None:
        report = self.state.report
        report["leftOut"][reason] = report["leftOut"].get(reason, 0) + 1
        samples = report["samples"].setdefault(reason, [])
        if len(samples) < SAMPLES:
            samples.append({"row": row, "detail": detail[:100]})

    def _add(self, making: Making) -> None:
        report, moment = self.state.report, making.timestamp_ms
        report["events"] += 1
        first, last = report["firstMs"], report["lastMs"]
        report["firstMs"] = moment if first is None else min(first, moment)
        report["lastMs"] = moment if last is None else max(last, moment)
        user = None if making.user_id is None else user_hash(self._job.project_id, making.user_id)
        taken = Taken(making.event_id, making.raw, user)
        self._block.append((self._job.project_id + making.id, taken))
        self._block_bytes += len(making.raw)
        if len(self._block) >= BLOCK_EVENTS or self._block_bytes >= BLOCK_BYTES:
            self._end_block()

    def _end_block(self) -> None:
        if not self._block:
            return
        keys = [key for key, _ in self._block]
        found = collection(mongo.EVENTS).count_documents({"_id": {"$in": keys}})
        self.state.report["stored"] += found
        self.state.spool_bytes += write_block(self._spool, [taken for _, taken in self._block])
        self._block, self._block_bytes = [], 0

    def _keep(self, read_bytes: int) -> None:
        """What was taken is on the disk, then how far that is."""
        self._end_block()
        self._spool.flush()
        os.fsync(self._spool.fileno())
        self._ordinals.keep()
        self.state.read_bytes = read_bytes
        write_state(self._folder, self.state)
