"""Whole answers that a process remembers, by the question and by all that it was answered from."""

import pickle
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from analytics.remembered import forgets
from reporting.columns.read.opening import ViewKey
from reporting.columns.slots import asks_as_guest, busy
from reporting.columns.view import View

T = TypeVar("T")

MAX_BYTES = 64 * 1024 * 1024
_OBJECTS_FACTOR = 4  # what objects take, of what they take when they are written down
_ENTRY_BYTES = 1_000

_Key = tuple[Hashable, ViewKey]


class Answers:
    """Forgets what was not asked for longest beyond `max_bytes`."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._answers: OrderedDict[_Key, tuple[Any, int]] = OrderedDict()
        self._making: dict[tuple[_Key, bool], threading.Lock] = {}
        self._mutex = threading.Lock()

    def remember(self, view: View, question: Hashable, deadline: float, make: Callable[[], T]) -> T:
        if not isinstance(view.key, ViewKey):
            return make()
        key = (question, view.key)
        # Nobody waits for a guest, who may wait for others.
        kind = (key, asks_as_guest())
        making = self._making.setdefault(kind, threading.Lock())
        if not making.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise busy()
        try:
            known = self._find(key)
            if known is not None:
                return cast(T, known)
            answer = make()
            self._set(key, answer)
            return answer
        finally:
            self._making.pop(kind, None)
            making.release()

    def keep(self, condition: Callable[[ViewKey], bool]) -> None:
        """Forget the answers from views that do not meet a condition."""
        with self._mutex:
            for key in [key for key in self._answers if not condition(key[1])]:
                self._bytes -= self._answers.pop(key)[1]

    def list_projects(self) -> set[bytes]:
        with self._mutex:
            return {view.project_id for _, view in self._answers}

    def clear(self) -> None:
        self.keep(lambda view: False)

    def _find(self, key: _Key) -> Any:
        with self._mutex:
            if key not in self._answers:
                return None
            self._answers.move_to_end(key)
            return self._answers[key][0]

    def _set(self, key: _Key, answer: Any) -> None:
        question, view = key
        size = len(pickle.dumps((question, answer))) * _OBJECTS_FACTOR + _ENTRY_BYTES
        size += 100 * (len(view.segments) + len(view.fresh))
        if size > self._max_bytes:
            return  # it would push out all others, and then itself
        with self._mutex:
            replaced = self._answers.pop(key, None)
            self._bytes += size - (replaced[1] if replaced else 0)
            self._answers[key] = (answer, size)
            while self._bytes > self._max_bytes:
                self._bytes -= self._answers.popitem(last=False)[1][1]


answers = Answers()
forgets(answers.clear)


def remember(view: View, question: Hashable, deadline: float, make: Callable[[], T]) -> T:
    """What `make` answered to an equal question from an equal view, or else answers now.

    `question` holds all that the answer depends on beside the view, and not the moment it is asked
    at. Equal questions at one time are answered once. The answer holds for `view.fresh_as_of`,
    whenever it was made; it must not be changed. Raises what `make` raises, and Unavailable
    (`query_busy`) where an equal question takes until `deadline`.
    """
    return answers.remember(view, question, deadline, make)
