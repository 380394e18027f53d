"""The last events of a project, and how many of them were to be buried."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

WINDOW_EVENTS = 1_000
WINDOW_REQUESTS = 100


@dataclass(slots=True)
class _Noted:
    """An entry: its requests and events, and how many of these were to be buried, by reason."""

    entry: bytes
    requests: int
    events: int
    burials: Counter[str]


class Window:
    """The fewest last entries of a project that make WINDOW_EVENTS and WINDOW_REQUESTS.

    So many requests that one client with one broken batch cannot fill it alone. It begins with
    the first event that was to be buried; those before it were none.
    """

    def __init__(self) -> None:
        self._noted: deque[_Noted] = deque()
        self._requests = self._events = 0
        self._burials: Counter[str] = Counter()

    def add(
        self, entry: bytes, events: int, burials: Mapping[str, int], *, requests: int = 1
    ) -> None:
        """Note an entry of so many requests; `burials` by reason."""
        self._noted.append(_Noted(entry, requests, events, Counter(burials)))
        self._requests += requests
        self._events += events
        self._burials.update(burials)
        while self._can_shrink():
            gone = self._noted.popleft()
            self._requests -= gone.requests
            self._events -= gone.events
            self._burials -= gone.burials

    def add_burial(self, entry: bytes, reason: str, *, requests: int = 1) -> None:
        """Note one event that the store refused, perhaps of an entry that was not noted yet."""
        noted = next((known for known in reversed(self._noted) if known.entry == entry), None)
        if noted is None:
            self.add(entry, 1, {reason: 1}, requests=requests)
            return
        noted.burials[reason] += 1
        self._burials[reason] += 1
        more = max(0, noted.burials.total() - noted.events)
        noted.events += more
        self._events += more

    def find_reason(self) -> str | None:
        """The reason that more than half of a full window was to be buried for."""
        if self._events < WINDOW_EVENTS or self._requests < WINDOW_REQUESTS:
            return None
        for reason, burials in self._burials.items():
            if burials * 2 > self._events:
                return reason
        return None

    @property
    def is_clean(self) -> bool:
        return not self._burials

    def describe(self) -> dict[str, int]:
        return {"events": self._events, **self._burials}

    def _can_shrink(self) -> bool:
        return (
            self._requests - self._noted[0].requests >= WINDOW_REQUESTS
            and self._events - self._noted[0].events >= WINDOW_EVENTS
        )
