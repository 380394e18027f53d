"""`python -m benchmarks.drain_here [without-summaries]`: drain in this process, print events/s."""

import sys
import time
from typing import Any

import django

django.setup()

from ingestion.drain.loop import drain  # noqa: E402
from ingestion.store import transaction as store  # noqa: E402  after Django's set-up


def write_none(*_: Any) -> None:
    """In place of `insert_summaries`, to see what they cost."""


if __name__ == "__main__":
    if "without-summaries" in sys.argv:
        vars(store)["insert_summaries"] = write_none
    drain(0, 0)  # what only the first batch pays for
    begun = time.perf_counter()
    stored = drain(0, 3_600).stored
    print(stored / (time.perf_counter() - begun))
