"""Caches of one process that cannot grow without end."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """The last `max_items` that were set; each step is atomic, for threads and greenlets."""

    def __init__(self, max_items: int) -> None:
        self._items: OrderedDict[K, V] = OrderedDict()
        self._max_items = max_items
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: K) -> V | None:
        return self._items.get(key)

    def set(self, key: K, value: V) -> None:
        with self._lock:
            self._items[key] = value
            self._items.move_to_end(key)
            while len(self._items) > self._max_items:
                self._items.popitem(last=False)

    def drop(self, key: K) -> None:
        with self._lock:
            self._items.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._items.clear()


def _count_chars(key: object) -> int:
    if isinstance(key, tuple):
        return sum(map(_count_chars, key))
    return len(key) if isinstance(key, str | bytes) else 0


class Kept(dict[K, V]):
    """What was made for each key, kept until there are `most` and then forgotten, all at once.

    A key is a text, or a tuple with texts; of one with over `longest` characters nothing is kept,
    which None leaves unasked.
    Reading is reading a dict, a third faster than functools.lru_cache.
    """

    def __init__(self, make: Callable[[K], V], most: int, longest: int | None = 512) -> None:
        self._make = make
        self._most = most
        self._longest = longest

    def __missing__(self, key: K) -> V:
        value = self._make(key)
        if self._longest is None or _count_chars(key) <= self._longest:
            if len(self) >= self._most:
                self.clear()
            self[key] = value
        return value
