"""What receivers refused inside of a good request: of each reason the last few, for people to see.

Kept in this process, and written to MongoDB outside of any answer's way, for a week: a vendor's
answer cannot name an event, so its client never learns what became of it. No sample holds an
address or a secret key. A killed process takes those of its last second along, and while MongoDB
does not answer the oldest make room.
"""

import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pymongo
import structlog
from bson.binary import Binary
from pymongo.errors import PyMongoError

from analytics.databases.mongo import SAMPLES, collection
from analytics.events.ids import ids_of, now_ms
from analytics.keys.masking import LONGEST_MASKED_CHARS, mask
from analytics.keys.records import KeyRecord
from analytics.remembered import forgets

log = structlog.get_logger(__name__)

KEPT = 20  # of each key, receiver and reason
KEPT_DAYS = 7
MAX_SAMPLE_CHARS = 2_048
SAMPLE_ID_BYTES = 16
"""Of a sample's `_id`, after the project: unix milliseconds, a number, and chance."""

# What is held of a sample, and shown of that only if it is whole: a key or an address is shorter.
_MOST_HELD_BYTES = 4 * (MAX_SAMPLE_CHARS + LONGEST_MASKED_CHARS // 2)
_MAX_KINDS = 1_000  # that wait in this process to be written; of further ones nothing is kept
_FLUSH_SECONDS = 1.0
_TIMEOUT_SECONDS = 5.0


class _Kind(NamedTuple):
    project_id: bytes
    key_id: str
    receiver: str
    reason: str


class Sample(NamedTuple):
    """One event that was refused."""

    at: datetime
    key_id: str
    receiver: str
    reason: str
    detail: str
    text: str  # what was sent, cut at MAX_SAMPLE_CHARS


_numbers = itertools.count()
_held: dict[_Kind, deque[dict[str, Any]]] = {}
_mutex = threading.Lock()
_flushing = threading.Lock()


@forgets
def forget_samples() -> None:
    with _mutex:
        _held.clear()


def note_sample(key: KeyRecord, receiver: str, reason: str, detail: str, sent: bytes) -> None:
    """Never raises, and waits for nobody. `detail` is of the code's making."""
    kind = _Kind(key.project_id, key.key_id, receiver, reason)
    order = now_ms().to_bytes(8, "big") + (next(_numbers) & 0xFFFF).to_bytes(2, "big")
    sample = {
        "_id": Binary(key.project_id + order + os.urandom(6)),
        "detail": detail,
        "text": sent[: _MOST_HELD_BYTES + 1],
        "expiresAt": datetime.now(UTC) + timedelta(days=KEPT_DAYS),
    }
    with _mutex:
        if kind not in _held and len(_held) >= _MAX_KINDS:
            return
        _held.setdefault(kind, deque(maxlen=KEPT)).append(sample)


def begin_flushing() -> None:
    """Write what this process has, each second from now on."""
    threading.Thread(target=_flush_forever, name="samples", daemon=True).start()


def _flush_forever() -> None:
    while True:
        time.sleep(_FLUSH_SECONDS)
        flush_samples()


def flush_samples() -> None:
    """Write what was kept since the last time; what MongoDB does not take waits."""
    global _held
    with _flushing:
        with _mutex:
            taken, _held = _held, {}
        while taken:
            kind, samples = taken.popitem()
            try:
                with pymongo.timeout(_TIMEOUT_SECONDS):
                    _write(kind, samples)
            except PyMongoError as error:
                log.warning("samples_not_written", error=repr(error))
                _put_back({kind: samples, **taken})
                return


def _put_back(taken: Mapping[_Kind, deque[dict[str, Any]]]) -> None:
    with _mutex:
        for kind, samples in taken.items():
            if kind in _held or len(_held) < _MAX_KINDS:
                _held[kind] = deque([*samples, *_held.get(kind, ())], maxlen=KEPT)


def _write(kind: _Kind, samples: deque[dict[str, Any]]) -> None:
    told = {
        "project": Binary(kind.project_id),
        "keyId": kind.key_id,
        "receiver": kind.receiver,
        "reason": kind.reason,
    }
    store = collection(SAMPLES)
    # Again after a failure that was none: the same `_id`s are there then.
    store.bulk_write([
        pymongo.ReplaceOne(
            {"_id": sample["_id"]},
            {**sample, **told, "text": _show(sample["text"])},
            upsert=True,
        )
        for sample in samples
    ])  # fmt: skip
    older = store.find(told, {"_id": 1}).sort("_id", -1).skip(KEPT)
    if ids := [found["_id"] for found in older]:
        store.delete_many({"_id": {"$in": ids}})


def _show(sent: bytes) -> str:
    text = sent[:_MOST_HELD_BYTES].decode("utf-8", "backslashreplace")
    text = mask(text)
    if len(sent) > _MOST_HELD_BYTES:
        text = text[:-LONGEST_MASKED_CHARS]  # where one may be cut, and is not known as one
    return text if len(text) <= MAX_SAMPLE_CHARS else text[: MAX_SAMPLE_CHARS - 1] + "…"


def read_samples(project_id: bytes) -> Iterator[Sample]:
    """Those of a project, the latest first. Raises PyMongoError."""
    found = collection(SAMPLES).find(ids_of(project_id, SAMPLE_ID_BYTES)).sort("_id", -1)
    now = datetime.now(UTC)
    for sample in found:
        if sample["expiresAt"] > now:  # MongoDB removes them about once a minute
            at = sample["expiresAt"] - timedelta(days=KEPT_DAYS)
            told = (sample[name] for name in ("keyId", "receiver", "reason", "detail", "text"))
            yield Sample(at, *told)


def delete_samples(project_id: bytes) -> None:
    """All of a project. Raises PyMongoError."""
    collection(SAMPLES).delete_many(ids_of(project_id, SAMPLE_ID_BYTES))
