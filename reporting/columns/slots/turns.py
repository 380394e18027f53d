"""Whose turn it is to use one of a few slots: fair by project, never by who asks most.

Guests, who ask for strangers, wait behind all others.
"""

import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_is_guest: ContextVar[bool] = ContextVar("is_guest", default=False)

# The project whose turn is next comes first.
_Line = OrderedDict[bytes, deque[threading.Event]]


@contextmanager
def as_guest() -> Iterator[None]:
    """What is asked within waits behind what members and keys ask."""
    token = _is_guest.set(True)
    try:
        yield
    finally:
        _is_guest.reset(token)


def asks_as_guest() -> bool:
    return _is_guest.get()


class Turns:
    """A project takes at most half of the slots, rounded up; those that wait take turns.

    Guests of all projects together take at most half of them, rounded down, and one of one; of
    what their project may take they take nothing.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._most = (slots + 1) // 2
        self._most_guests = max(1, slots // 2)
        self._guests = 0
        self._taken: Counter[bytes] = Counter()
        self._waiting: _Line = OrderedDict()
        self._waiting_guests: _Line = OrderedDict()
        self._mutex = threading.Lock()

    def take(self, project_id: bytes, deadline: float, *, guest: bool = False) -> bool:
        """Wait for a slot until `deadline`, of time.monotonic(); whether there was one."""
        line = self._waiting_guests if guest else self._waiting
        with self._mutex:
            if self._may_take(project_id, guest):
                self._take(project_id, guest)
                return True
            turn = threading.Event()
            line.setdefault(project_id, deque()).append(turn)
        try:
            turn.wait(max(0.0, deadline - time.monotonic()))
        except BaseException:
            if self._end_waiting(line, project_id, turn):
                self.give_back(project_id, guest=guest)
            raise
        return self._end_waiting(line, project_id, turn)

    def give_back(self, project_id: bytes, *, guest: bool = False) -> None:
        with self._mutex:
            self._free += 1
            if guest:
                self._guests -= 1
            else:
                self._taken[project_id] -= 1
                if not self._taken[project_id]:
                    del self._taken[project_id]
            self._admit(self._waiting, guest=False)
            self._admit(self._waiting_guests, guest=True)

    def _end_waiting(self, line: _Line, project_id: bytes, turn: threading.Event) -> bool:
        """Whether the turn came, at the last moment perhaps."""
        with self._mutex:
            if turn.is_set():
                return True
            turns = line[project_id]
            turns.remove(turn)
            if not turns:
                del line[project_id]
            return False

    def _admit(self, line: _Line, *, guest: bool) -> None:
        """Whoever waits with a slot free is of a project that has all it may have, or a guest."""
        for project_id in list(line):
            if not self._may_take(project_id, guest):
                continue
            turns = line.pop(project_id)
            self._take(project_id, guest)
            turns.popleft().set()
            if turns:
                line[project_id] = turns

    def _may_take(self, project_id: bytes, guest: bool) -> bool:
        if not self._free:
            return False
        return self._guests < self._most_guests if guest else self._taken[project_id] < self._most

    def _take(self, project_id: bytes, guest: bool) -> None:
        self._free -= 1
        if guest:
            self._guests += 1
        else:
            self._taken[project_id] += 1
