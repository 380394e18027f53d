"""The books of a project at a busy moment: what is off, and not only in flight."""

from upkeep.ledger.lines import Line, read_since

READINGS = 3


def read_steady(project_id: bytes, first_day: int) -> tuple[list[Line], dict[int, int]]:
    """The lines from a UTC day on, the latest first, and by day how many events are off.

    Redis and MongoDB are not read at one moment, and what is in flight then looks off: only what
    every one of several readings finds is. Raises PyMongoError and RedisError.
    """
    lines = read_since(project_id, first_day)
    off = {line.day: abs(line.difference) for line in lines if line.difference}
    for _ in range(READINGS - 1):
        if not off:
            break
        again = {line.day: abs(line.difference) for line in read_since(project_id, first_day)}
        off = {day: min(count, again.get(day, 0)) for day, count in off.items() if again.get(day)}
    return lines, off
