"""Work that somebody else is faster at is begun again, a few times."""

import pytest

from analytics.databases.transactions import MAX_TRIES, Conflict, repeat


class Contested:
    """Work that fails its first `conflicts` times."""

    def __init__(self, conflicts: int) -> None:
        self.conflicts = conflicts
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self.tries <= self.conflicts:
            raise Conflict(f"try {self.tries}")
        return "done"


def test_work_is_begun_again_after_a_conflict() -> None:
    work = Contested(conflicts=MAX_TRIES - 1)

    assert repeat(work) == "done"
    assert work.tries == MAX_TRIES


def test_work_that_is_contested_each_time_raises_its_last_conflict() -> None:
    work = Contested(conflicts=MAX_TRIES)

    with pytest.raises(Conflict, match=f"try {MAX_TRIES}"):
        repeat(work)
    assert work.tries == MAX_TRIES


def test_another_error_is_raised_at_once() -> None:
    tries = []

    def fail() -> None:
        tries.append(1)
        raise KeyError

    with pytest.raises(KeyError):
        repeat(fail)
    assert len(tries) == 1
