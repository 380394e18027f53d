"""Whose turn it is to use one of a few slots: fair by project, never by who asks most."""

import threading
import time
from collections import Counter, OrderedDict, deque


class Turns:
    """A project takes at most half of the slots, rounded up; those that wait take turns."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._most = (slots + 1) // 2
        self._taken: Counter[bytes] = Counter()
        # The project whose turn is next comes first.
        self._waiting: OrderedDict[bytes, deque[threading.Event]] = OrderedDict()
        self._mutex = threading.Lock()

    def take(self, project_id: bytes, deadline: float) -> bool:
        """Wait for a slot until `deadline`, of time.monotonic(); whether there was one."""
        with self._mutex:
            if self._may_take(project_id):
                self._take(project_id)
                return True
            turn = threading.Event()
            self._waiting.setdefault(project_id, deque()).append(turn)
        try:
            turn.wait(max(0.0, deadline - time.monotonic()))
        except BaseException:
            if self._end_waiting(project_id, turn):
                self.give_back(project_id)
            raise
        return self._end_waiting(project_id, turn)

    def give_back(self, project_id: bytes) -> None:
        with self._mutex:
            self._free += 1
            self._taken[project_id] -= 1
            if not self._taken[project_id]:
                del self._taken[project_id]
            self._admit()

    def _end_waiting(self, project_id: bytes, turn: threading.Event) -> bool:
        """Whether the turn came, at the last moment perhaps."""
        with self._mutex:
            if turn.is_set():
                return True
            turns = self._waiting[project_id]
            turns.remove(turn)
            if not turns:
                del self._waiting[project_id]
            return False

    def _admit(self) -> None:
        """Whoever waits with a slot free is of a project that has all it may have."""
        for project_id in filter(self._may_take, list(self._waiting)):
            turns = self._waiting.pop(project_id)
            self._take(project_id)
            turns.popleft().set()
            if turns:
                self._waiting[project_id] = turns

    def _may_take(self, project_id: bytes) -> bool:
        return self._free > 0 and self._taken[project_id] < self._most

    def _take(self, project_id: bytes) -> None:
        self._free -= 1
        self._taken[project_id] += 1
