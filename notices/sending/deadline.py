"""Time that all of an attempt shares, however many pieces the other side sends its answers in."""

import time


class Deadline:
    """So many seconds from now on."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def left(self, most: float) -> float:
        """Seconds for the next wait, `most` at most. Raises TimeoutError where none are left."""
        seconds = self._ends_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return min(seconds, most)
