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
from analytics.web.asker import HasLeft, asked_by, find_asker

T = TypeVar("T")

SHARED_SECONDS = 10.0
BUSY_QUESTIONS = 5  # a page asks four at once, and who is there now
MAX_ANSWERS = 200


class _Shared(NamedTuple):
    begun: float
    answer: "Future[Any]"
    askers: list[HasLeft]  # who waits for it


_answers: OrderedDict[Hashable, _Shared] = OrderedDict()
_mutex = threading.Lock()
_running = 0


@forgets
def forget_answers() -> None:
    with _mutex:
        _answers.clear()


def share(key: Hashable, make: Callable[[], T]) -> T:
    """What `make` answers, or answered just now to an equal key, which must not be changed.

    `key` names the project. Raises what `make` raises; such an answer is not kept. `make` may end
    when everybody who waits for it has left, and not when the one has who asked first.
    """
    global _running
    asker = find_asker()
    with _mutex:
        known = _find(key)
        if known is None:
            mine = _Shared(time.monotonic(), Future(), [asker])
            _keep(key, mine)
            _running += 1
        elif not known.answer.done():
            known.askers.append(asker)
    if known is not None:
        return cast(T, known.answer.result())
    try:
        with asked_by(lambda: _have_left(key, mine)):
            mine.answer.set_result(make())
    except BaseException as exc:
        mine.answer.set_exception(exc)
        with _mutex:
            _forget(key, mine)
        raise
    finally:
        with _mutex:
            _running -= 1
    return cast(T, mine.answer.result())


def _have_left(key: Hashable, shared: _Shared) -> bool:
    """Whether nobody waits for it any more; then nobody joins those who did."""
    with _mutex:
        is_over = all(has_left() for has_left in shared.askers)
        if is_over:
            _forget(key, shared)
        return is_over


def _forget(key: Hashable, shared: _Shared) -> None:
    if _answers.get(key) is shared:
        del _answers[key]


def _find(key: Hashable) -> _Shared | None:
    known = _answers.get(key)
    if known is None:
        return None
    if not known.answer.done():
        return known
    is_young = time.monotonic() - known.begun < SHARED_SECONDS
    return known if is_young and _running >= BUSY_QUESTIONS else None


def _keep(key: Hashable, shared: _Shared) -> None:
    """In the place of what is too old, or too much."""
    _answers.pop(key, None)
    _answers[key] = shared
    while _answers:
        oldest = next(iter(_answers.values()))
        if shared.begun - oldest.begun < SHARED_SECONDS and len(_answers) <= MAX_ANSWERS:
            break
        _answers.popitem(last=False)
