"""Drain in this process and print events/s.

python -m benchmarks.programs.drain_here [without-summaries]
"""

import sys
import time
from typing import Any

import django

django.setup()

from ingestion.drain.loop import drain
from ingestion.store import transaction as store


def write_none(*_: Any) -> None:
    """In place of `insert_summaries`, to see what they cost."""


if __name__ == "__main__":
    if "without-summaries" in sys.argv:
        vars(store)["insert_summaries"] = write_none
    drain(0, 0)  # what only the first batch pays for
    begun = time.perf_counter()
    stored = drain(0, 3_600).stored
    print(stored / (time.perf_counter() - begun))
