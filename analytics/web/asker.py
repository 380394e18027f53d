"""Whether whoever asked still waits for the answer: what is worked out for nobody may end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HasLeft = Callable[[], bool]


def _stays() -> bool:
    return False


_has_left: ContextVar[HasLeft] = ContextVar("has_left", default=_stays)


@contextmanager
def asked_by(has_left: HasLeft) -> Iterator[None]:
    """What is worked out within is for somebody who may leave."""
    token = _has_left.set(has_left)
    try:
        yield
    finally:
        _has_left.reset(token)


def find_asker() -> HasLeft:
    """Whether who asked has left: found by what answers, and called wherever one likes."""
    return _has_left.get()
