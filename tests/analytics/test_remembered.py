"""What a process remembers for some seconds, and how all of it is forgotten."""

import pytest

from analytics import remembered
from analytics.remembered import Remembered, forget_everything


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_000.0]
    monkeypatch.setattr("analytics.remembered.time.monotonic", lambda: now[0])
    monkeypatch.setattr(remembered, "_forgets", [])
    return now


def test_a_value_is_read_again_once_it_is_too_old(clock: list[float]) -> None:
    values: Remembered[str, int] = Remembered(seconds=10)
    answers = iter((1, 2))

    def read() -> int:
        return next(answers)

    assert [values.get("a", read), values.get("a", read)] == [1, 1]
    clock[0] += 10
    assert values.get("a", read) == 2


def test_a_changed_value_grows_old_as_the_one_before(clock: list[float]) -> None:
    values: Remembered[str, int] = Remembered(seconds=10)
    values.set("a", 5)
    clock[0] += 9
    values.change("a", 4)

    assert values.find("a") == 4
    clock[0] += 1
    assert values.find("a") is None


def test_what_was_known_last_is_good_again_while_one_asks(clock: list[float]) -> None:
    values: Remembered[str, int] = Remembered(seconds=10)
    values.set("a", 5)
    clock[0] += 60

    assert [values.renew("a", first=0), values.renew("b", first=0)] == [5, 0]
    assert values.find("a") == 5


def test_there_are_never_more_values_than_were_allowed(clock: list[float]) -> None:
    values: Remembered[int, int] = Remembered(seconds=10, most=2)
    for key in range(3):
        values.set(key, key)

    assert [values.find(key) for key in range(3)] == [None, None, 2]


def test_one_call_forgets_all_that_the_process_remembers(clock: list[float]) -> None:
    first: Remembered[str, int] = Remembered(seconds=10)
    second: Remembered[str, int] = Remembered(seconds=10)
    first.set("a", 1)
    second.set("a", 2)

    forget_everything()

    assert (first.find("a"), second.find("a")) == (None, None)
