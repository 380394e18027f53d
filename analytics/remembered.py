"""What a process remembers of a store for some seconds, and how it forgets everything it knows."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
Forget = TypeVar("Forget", bound=Callable[[], object])

_forgets: list[Callable[[], object]] = []


def forgets(forget: Forget) -> Forget:
    """Have `forget_everything` call this, too: it empties what a module keeps in its process."""
    _forgets.append(forget)
    return forget


def forget_everything() -> None:
    """Begin anew, as a restart would."""
    for forget in _forgets:
        forget()


class Remembered(Generic[K, V]):
    """Values by their key, each for some seconds; at most `most`, then all are forgotten."""

    def __init__(self, seconds: float, most: int = 10_000) -> None:
        self.seconds = seconds
        self._most = most
        self._values: dict[K, tuple[float, V]] = {}  # with the moment that it was read at
        forgets(self.clear)

    def find(self, key: K) -> V | None:
        """What is known of `key`; None where that is nothing, or too old."""
        known = self._values.get(key)
        if known and time.monotonic() - known[0] < self.seconds:
            return known[1]
        return None

    def get(self, key: K, read: Callable[[], V]) -> V:
        """What is known of `key`, or else what `read` says. Raises what it raises."""
        found = self.find(key)
        return self.set(key, read()) if found is None else found

    def set(self, key: K, value: V) -> V:
        if len(self._values) >= self._most and key not in self._values:
            self._values.clear()
        self._values[key] = (time.monotonic(), value)
        return value

    def change(self, key: K, value: V) -> None:
        """Put `value` in the place of a known one; it grows old as that one does."""
        known = self._values.get(key)
        if known:
            self._values[key] = (known[0], value)

    def renew(self, key: K, first: V) -> V:
        """What was known last, however old, for some seconds more; `first` if it is nothing.

        So one asks, and the others go by the last answer meanwhile.
        """
        known = self._values.get(key)
        return self.set(key, known[1] if known else first)

    def clear(self) -> None:
        self._values.clear()
