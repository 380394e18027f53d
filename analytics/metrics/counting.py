"""Count requests for next to nothing: a note in a queue, added up once a second."""

import time
from collections import Counter as Tally
from collections import defaultdict, deque

from django.conf import settings

from analytics.metrics import names as metrics

OTHER_PROJECTS = "other"
# Without a thread that empties them (a management command) the queues end here.
_MAX_NOTES = 200_000


# Appending and taking are atomic, for threads and greenlets.
_answered: deque[tuple[str, int, float]] = deque(maxlen=_MAX_NOTES)
_accepted: deque[tuple[bytes, int]] = deque(maxlen=_MAX_NOTES)
_refused: deque[str] = deque(maxlen=_MAX_NOTES)

note_refused = _refused.append


def note_answered(path: str, status: int, started: float) -> None:
    """A request was answered that began at `started`, by `time.perf_counter()`.

    `path` is one that is routed, never one of the client's making.
    """
    _answered.append((path, status, time.perf_counter() - started))


def note_accepted(project_id: bytes, events: int) -> None:
    _accepted.append((project_id, events))


def add_up_notes() -> None:
    """Take the notes out of the queues and into the metrics."""
    statuses: Tally[tuple[str, int]] = Tally()
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(len(_answered)):
        path, status, took_seconds = _answered.popleft()
        statuses[path, status] += 1
        seconds[path].append(took_seconds)
    for (path, status), count in statuses.items():
        metrics.REQUESTS.labels(_endpoint(path), str(status)).inc(count)
    for path, durations in seconds.items():
        metrics.REQUEST_SECONDS.labels(_endpoint(path)).observe_all(durations)
    events: Tally[bytes] = Tally()
    for _ in range(len(_accepted)):
        project_id, count = _accepted.popleft()
        events[project_id] += count
    for project_id, count in events.items():
        metrics.ACCEPTED_EVENTS.labels(_label_of(project_id)).inc(count)
    codes = Tally(_refused.popleft() for _ in range(len(_refused)))
    for code, count in codes.items():
        metrics.REFUSED.labels(code).inc(count)


def _endpoint(path: str) -> str:
    return path.rstrip("/")


_labelled: set[bytes] = set()


def _label_of(project_id: bytes) -> str:
    """The project's id, for the first of them: each label is a time series for ever."""
    if project_id not in _labelled:
        if len(_labelled) >= settings.METRICS_MAX_PROJECTS:
            return OTHER_PROJECTS
        _labelled.add(project_id)
    return project_id.hex()
