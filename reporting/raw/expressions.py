"""Questions as expressions of MongoDB."""

from collections.abc import Sequence
from datetime import datetime, timedelta


def index_expression(boundaries: Sequence[datetime]) -> object:
    """The index of an event's unit, as an aggregation expression over `$timestamp`.

    Events must lie in `[boundaries[0], boundaries[-1])`. Runs of equally long units are
    computed by one division; a balanced tree of comparisons, a few levels deep, finds the run.
    """
    runs: list[tuple[int, timedelta]] = []
    for index in range(len(boundaries) - 1):
        width = boundaries[index + 1] - boundaries[index]
        if not runs or runs[-1][1] != width:
            runs.append((index, width))
    return _search(runs, boundaries)


def _search(runs: Sequence[tuple[int, timedelta]], boundaries: Sequence[datetime]) -> object:
    if len(runs) == 1:
        index, width = runs[0]
        past = {"$subtract": ["$timestamp", boundaries[index]]}
        units = {"$floor": {"$divide": [past, width // timedelta(milliseconds=1)]}}
        return {"$toInt": {"$add": [index, units]}}
    middle = len(runs) // 2
    return {
        "$cond": [
            {"$lt": ["$timestamp", boundaries[runs[middle][0]]]},
            _search(runs[:middle], boundaries),
            _search(runs[middle:], boundaries),
        ]
    }
