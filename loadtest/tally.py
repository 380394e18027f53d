"""What became of the requests, counted by the threads that sent them."""

import random
import threading
from collections import Counter
from collections.abc import Sequence

SAMPLE_EVENTS = 200


class Latencies:
    """Milliseconds to three digits, so that their number is bounded however long the run."""

    def __init__(self) -> None:
        self._counts: Counter[float] = Counter()

    def add(self, seconds: float) -> None:
        self._counts[float(f"{seconds * 1000:.3g}")] += 1

    def percentile_ms(self, percent: float) -> float:
        """0 where there is none yet."""
        wanted = self._counts.total() * percent / 100
        passed = 0
        for milliseconds in sorted(self._counts):
            passed += self._counts[milliseconds]
            if passed >= wanted:
                return milliseconds
        return 0.0


class Tally:
    """The numbers of a run, in events unless they say requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.latencies = Latencies()
        self.seconds = 0.0
        self.requests = 0
        self.accepted = 0
        # Accepted a second time, with ids that were accepted before.
        self.copies = 0
        # No answer, also not to the same request again.
        self.unknown = 0
        # Not known to be accepted, but they may have been: no answer at some time, or a 5xx.
        self.uncertain = 0
        self.refused: Counter[str] = Counter()
        self.sample: list[str] = []

    def note_accepted(self, event_ids: Sequence[str], seconds: float) -> None:
        with self._lock:
            self.requests += 1
            self.latencies.add(seconds)
            for event_id in event_ids:
                self.accepted += 1
                self._sample(event_id)

    def note_copies(self, events: int) -> None:
        with self._lock:
            self.copies += events

    def note_refused(self, code: str, events: int, seconds: float, *, uncertain: bool) -> None:
        with self._lock:
            self.requests += 1
            self.uncertain += events if uncertain else 0
            self.latencies.add(seconds)
            self.refused[code] += events

    def note_unknown(self, events: int) -> None:
        with self._lock:
            self.requests += 1
            self.unknown += events
            self.uncertain += events

    def describe(self) -> str:
        with self._lock:
            return (
                f"{self.accepted:>9,} accepted {self.refused.total():>6,} refused "
                f"p50 {self.latencies.percentile_ms(50):,.3g} ms "
                f"p99 {self.latencies.percentile_ms(99):,.3g} ms"
            )

    def _sample(self, event_id: str) -> None:
        """Each accepted event has the same chance to be asked for."""
        if len(self.sample) < SAMPLE_EVENTS:
            self.sample.append(event_id)
        elif (place := random.randrange(self.accepted)) < SAMPLE_EVENTS:
            self.sample[place] = event_id
