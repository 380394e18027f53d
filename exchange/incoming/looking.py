"""The first steps of an import: its sum, what it seems to be, and what somebody says that it is."""

import hashlib
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NotRequired, TypedDict

import msgspec
from django.conf import settings

from analytics.databases.import_documents import Choice, LookBy
from analytics.databases.transactions import durable_transaction
from analytics.remembered import Remembered
from exchange.incoming.files.errors import SourceError
from exchange.incoming.job import MIB, Import, file_of
from exchange.incoming.mapping import Mapping
from exchange.incoming.options import ENCODINGS, Options
from exchange.incoming.reading import SOURCES, guess
from exchange.incoming.report import tell_error
from exchange.incoming.rows import Item
from exchange.incoming.sources.mapped.rows import check_mapping
from exchange.incoming.trouble import WRONG_SUM, ending_in_trouble
from upkeep.imports.ending import end_for_good
from upkeep.jobs.job import MustWait, finish_step

MAPPED = ("csv", "jsonl")
"""Sources whose columns mean what somebody says."""


CURABLE: Final = ("bad_encoding", "wrong_source", "bad_mapping")
"""Why a file cannot be read that is said to be something else, or in another encoding, next."""

SHOWN_CHARS = 100
SUM_SECONDS: Final = 1.0

_sums: Final[Remembered[str, tuple[Any, int]]] = Remembered(3600.0)
"""By import, the digest of what was read, and how much that is: another process begins anew."""


class BadChoice(ValueError):
    """What somebody said of the file is no choice."""


class Seen(TypedDict):
    """What a file seems to be, as it is kept."""

    trouble: NotRequired[str]  # why it could not be looked at; another encoding may help
    encoding: str
    source: str | None
    mapping: dict[str, Any] | None
    columns: list[dict[str, Any]]
    packing: str
    sites: list[str]
    items: list[dict[str, str]]


def wait_for_file(job: Import) -> None:
    """One stride: of a file that is whole, its sum, as far as SUM_SECONDS go."""
    document = job.document
    if document.get("received") != document["bytes"]:
        raise MustWait
    with ending_in_trouble(job):
        sha256 = _sum(job)
        if sha256 is None:
            return
        if document.get("announced", sha256) != sha256:
            end_for_good({"_id": job.id, "project": job.project_id}, "failed", WRONG_SUM)
            return
        with durable_transaction() as session:
            finish_step(job, session, sha256=sha256, keptUntil=None)


def _sum(job: Import) -> str | None:
    """The sum, once it is of the whole file. Raises OSError."""
    deadline = time.monotonic() + SUM_SECONDS
    digest, at = _sums.find(job.id) or (hashlib.sha256(), 0)
    digest = digest.copy()
    with file_of(job).open("rb") as file:
        file.seek(at)
        while block := file.read(MIB):
            digest.update(block)
            at += len(block)
            if time.monotonic() > deadline:
                _sums.set(job.id, (digest, at))
                return None
    return str(digest.hexdigest())


def look_at(
    path: Path, source: str | None = None, mapping: object = None, options: object = None
) -> Seen:
    """What a file seems to be, and what its first rows would become.

    Raises SourceError and BadChoice.
    """
    try:
        read_mapping = None if mapping is None else msgspec.convert(mapping, Mapping)
        read_options = msgspec.convert(options or {}, Options)
    except msgspec.ValidationError as exc:
        raise BadChoice(str(exc)) from None
    seen = guess(path, source, read_mapping, options=read_options)  # type: ignore[arg-type]
    rows = [_show(item) for item in seen.items]
    return {
        "encoding": read_options.encoding,
        "source": seen.source,
        "mapping": None if seen.mapping is None else msgspec.to_builtins(seen.mapping),
        "columns": msgspec.to_builtins(seen.columns),
        "packing": seen.packing,
        "sites": seen.sites,
        "items": rows,
    }


def _show(item: Item) -> dict[str, str]:
    """A row as people see it: the begin of what it has, by name."""
    told = {name: getattr(item, name) for name in item.__struct_fields__ if name != "made"}
    return {
        name: str(value)[:SHOWN_CHARS] for name, value in told.items() if value not in (None, "")
    }


def look(job: Import) -> None:
    """One stride. Of what somebody has said already there is nothing to be seen."""
    with ending_in_trouble(job):
        if job.document["choice"] is not None:
            with durable_transaction() as session:
                finish_step(job, session)
            return
        seen = _look_by(job)
        kept_until = datetime.now(UTC) + timedelta(hours=settings.IMPORTS_KEPT_HOURS)
        with durable_transaction() as session:
            finish_step(job, session, guess=seen, keptUntil=kept_until)


def _look_by(job: Import) -> Seen:
    """What it seems to be, as what it is said to be; or why it cannot be read as that."""
    by: LookBy = job.document.get("lookBy") or {"source": None, "encoding": ENCODINGS[0]}
    try:
        return look_at(file_of(job), by["source"], options={"encoding": by["encoding"]})
    except SourceError as exc:
        if exc.code not in CURABLE:
            raise
        return {
            "trouble": tell_error(exc.code, exc.detail), "encoding": by["encoding"],
            "source": by["source"], "mapping": None, "columns": [], "packing": "", "sites": [],
            "items": [],
        }  # fmt: skip


def wait_for_choice(job: Import) -> None:
    if job.document["choice"] is None:
        raise MustWait
    with durable_transaction() as session:
        finish_step(job, session, keptUntil=None)


def make_choice(source: str, mapping: object = None, options: object = None) -> Choice:
    """A choice, checked as far as that goes without the file. Raises BadChoice."""
    if source not in SOURCES:
        raise BadChoice(f"source is none of {', '.join(SOURCES)}")
    if source in MAPPED and mapping is None:
        raise BadChoice(f"{source} needs a mapping")
    try:
        if mapping is not None:
            check_mapping(msgspec.convert(mapping, Mapping))
        msgspec.convert(options or {}, Options)
    except msgspec.ValidationError as exc:
        raise BadChoice(str(exc)) from None
    except SourceError as exc:
        raise BadChoice(exc.detail) from None
    return {"source": source, "mapping": mapping, "options": dict(options or {})}  # type: ignore[typeddict-item, call-overload]


def make_look_by(source: str | None, encoding: str) -> LookBy:
    """What a file is looked at as. Raises BadChoice."""
    if source is not None and source not in SOURCES:
        raise BadChoice(f"source is none of {', '.join(SOURCES)}")
    if encoding not in ENCODINGS:
        raise BadChoice(f"encoding is none of {', '.join(ENCODINGS)}")
    return {"source": source, "encoding": encoding}
