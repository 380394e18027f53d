"""Fresh events: stored, and not in a segment of the columns yet.

The drain leaves a document for each project of a batch, in the transaction that stores the batch;
the exporter takes it away in the one that lists the segment. A document is never changed.
"""

import os
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from analytics.events.ids import EVENT_KEY_BYTES, PROJECT_ID_BYTES

FRESH_ID_BYTES = 16
"""Of a document's `_id`, after the project: unix milliseconds of its making, and chance."""

_SHORT, _LONG = EVENT_KEY_BYTES
_AFTER_PROJECT = itemgetter(slice(PROJECT_ID_BYTES, None))


def describe_fresh(project_id: bytes, keys: Iterable[bytes], now_ms: int) -> dict[str, Any]:
    """The document of collection `column_fresh` for new events of a project, by their `_id`s."""
    rests = list(map(_AFTER_PROJECT, keys))
    joined = b"".join(rests)
    # The drain waits for this: all of one length are told by their sum, without a look at each.
    short, long = joined, b""
    if len(joined) != _SHORT * len(rests):
        short = b"".join([rest for rest in rests if len(rest) == _SHORT])
        long = b"".join([rest for rest in rests if len(rest) == _LONG])
    return {
        "_id": project_id + now_ms.to_bytes(8, "big") + os.urandom(FRESH_ID_BYTES - 8),
        "project": project_id,
        "n": len(rests),
        "short": short,
        "long": long,
    }


def list_fresh_keys(document: Mapping[str, Any]) -> list[bytes]:
    """The `_id`s of the events of a fresh document."""
    project = bytes(document["project"])
    return [
        project + rests[at : at + size]
        for size, rests in ((_SHORT, document["short"]), (_LONG, document["long"]))
        for at in range(0, len(rests), size)
    ]


def fresh_since_ms(fresh_id: bytes) -> int:
    """When a fresh document was made, in unix milliseconds."""
    return int.from_bytes(fresh_id[PROJECT_ID_BYTES : PROJECT_ID_BYTES + 8], "big")
