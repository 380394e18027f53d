"""Answers that several people share who look at the same at one time.

While events come in each answer is another, so many open pages would ask the same all the time.
Where a process has more questions at hand than one page asks, one that was answered just now is
told again: each answer says as of when it is. Whoever looks alone always gets a new one.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar, cast

from analytics.remembered import forgets

T = TypeVar("T")

SHARED_SECONDS = 10.0
BUSY_QUESTIONS = 5  # a page asks four at once, and who is there now
MAX_ANSWERS = 200


class _Shared(NamedTuple):
    begun: float
    answer: "Future[Any]"


_answers: OrderedDict[Hashable, _Shared] = OrderedDict()
_mutex = threading.Lock()
_running = 0


@forgets
def forget_answers() -> None:
    with _mutex:
        _answers.clear()


def share(key: Hashable, make: Callable[[], T]) -> T:
    """What `make` answers, or answered just now to an equal key, which must not be changed.

    `key` names the project. Raises what `make` raises; such an answer is not kept.
    """
    global _running
    with _mutex:
        known = _find(key)
        if known is None:
            mine: Future[Any] = Future()
            _keep(key, mine)
            _running += 1
    if known is not None:
        return cast(T, known.result())
    try:
        mine.set_result(make())
    except BaseException as exc:
        mine.set_exception(exc)
        with _mutex:
            _answers.pop(key, None)
        raise
    finally:
        with _mutex:
            _running -= 1
    return cast(T, mine.result())


def _find(key: Hashable) -> "Future[Any] | None":
    known = _answers.get(key)
    if known is None:
        return None
    if not known.answer.done():
        return known.answer
    is_young = time.monotonic() - known.begun < SHARED_SECONDS
    return known.answer if is_young and _running >= BUSY_QUESTIONS else None


def _keep(key: Hashable, answer: "Future[Any]") -> None:
    """In the place of what is too old, or too much."""
    now = time.monotonic()
    _answers.pop(key, None)
    _answers[key] = _Shared(now, answer)
    while _answers:
        oldest = next(iter(_answers.values()))
        if now - oldest.begun < SHARED_SECONDS and len(_answers) <= MAX_ANSWERS:
            break
        _answers.popitem(last=False)
