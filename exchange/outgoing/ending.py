"""The end of an export: the sum of its file, the manifest, and the file in its place."""

import hashlib
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from analytics.databases import mongo
from analytics.databases.documents import typed
from analytics.databases.export_documents import ExportDocument
from analytics.databases.transactions import Conflict, durable_transaction
from analytics.events.moments import format_moment
from analytics.remembered import forgets
from columns.files.folder import sync
from exchange.formats import VERSION, list_columns
from exchange.outgoing.job import Export, file_of
from exchange.outgoing.trouble import ending_in_trouble
from exchange.outgoing.work import WorkLost, hold_work
from upkeep.exports.folder import delete
from upkeep.jobs.job import finish_step

STRIDE_BYTES: Final = 1 << 30
_BLOCK: Final = 1 << 20

# How far this process is with a file, by job and revision. Another begins anew, from its start.
_sums: dict[tuple[str, int], tuple[Any, int]] = {}
forgets(_sums.clear)


def finish_file(job: Export) -> None:
    """One stride: read STRIDE_BYTES of the file; at its end it is done, and can be fetched."""
    with ending_in_trouble(job), hold_work(job) as work:
        found = typed(ExportDocument, mongo.EXPORTS).find_one({"_id": job.id})
        if found is None or "bytes" not in found:
            raise Conflict("it is gone")
        final = file_of(found)
        source = work.data if work.data.exists() else final  # renamed, and killed then
        digest = _sum(job, source, found["bytes"])
        if digest is None:
            return
        if source != final:
            source.rename(final)
            sync(final.parent)
        manifest = make_manifest(found, digest)
        kept_until = datetime.now(UTC) + timedelta(hours=settings.EXPORTS_KEPT_HOURS)
        with durable_transaction() as session:
            finish_step(job, session, manifest=manifest, keptUntil=kept_until)
        with suppress(OSError):  # else it is swept
            delete(work.folder)


def _sum(job: Export, path: Path, size: int) -> str | None:
    """The SHA-256 of a file; None: there is more to read. Raises WorkLost where it is not whole."""
    key = job.id, job.revision
    if key not in _sums:
        _sums.clear()
    digest, at = _sums.get(key, (hashlib.sha256(), 0))
    if not path.exists() or path.stat().st_size != size:
        raise WorkLost(f"{path.name} has not {size} bytes")
    with path.open("rb") as file:
        file.seek(at)
        until = min(size, at + STRIDE_BYTES)
        while at < until:
            block = file.read(min(_BLOCK, until - at))
            digest.update(block)
            at += len(block)
    if at < size:
        _sums[key] = digest, at
        return None
    _sums.pop(key, None)
    return str(digest.hexdigest())


def make_manifest(export: ExportDocument, digest: str) -> str:
    """What the file is, as JSON; the same bytes for the same export, however it came about."""
    query = export["query"]
    told = {
        "version": VERSION,
        "project": bytes(export["project"]).hex(),
        "asOf": format_moment(export["asOf"]),
        "query": {**query, "filter": query["filter"] and json.loads(query["filter"])},
        "events": export["counts"]["events"],
        "days": export["days"],
        "columns": list(list_columns(with_addresses=query["withAddresses"])),
        "files": [
            {"name": f"events.{query['format']}", "bytes": export["bytes"], "sha256": digest}
        ],
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
