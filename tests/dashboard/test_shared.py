"""Who asks the same at one time shares an answer; who asks alone never gets an old one."""

import threading
from collections.abc import Callable, Hashable, Iterator

import pytest

from analytics.web.asker import asked_by, find_asker
from dashboard import shared
from dashboard.shared import BUSY_QUESTIONS, MAX_ANSWERS, forget_answers, share
from tests.workers import wait_until


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    forget_answers()


class Asking:
    """A question that is answered when it is told to."""

    def __init__(self, key: Hashable) -> None:
        self._go = threading.Event()
        begun = threading.Event()
        self.answers: list[str] = []

        def make() -> str:
            begun.set()
            assert self._go.wait(60)
            return f"of {key}"

        self._thread = threading.Thread(target=lambda: self.answers.append(share(key, make)))
        self._thread.start()
        assert begun.wait(60)

    def end(self) -> None:
        self._go.set()
        self._thread.join(60)


def count(made: list[int]) -> Callable[[], int]:
    def make() -> int:
        made.append(1)
        return len(made)

    return make


def test_alone_each_question_is_answered_anew() -> None:
    made: list[int] = []

    assert [share("key", count(made)) for _ in range(3)] == [1, 2, 3]


def test_beside_many_others_an_answer_of_just_now_is_told_again(busy: list[Asking]) -> None:
    made: list[int] = []
    share("key", count(made))

    assert [share("key", count(made)) for _ in range(3)] == [1, 1, 1]
    assert share("another", count(made)) == 2


def test_beside_what_one_page_asks_each_is_answered_anew(busy: list[Asking]) -> None:
    made: list[int] = []
    share("key", count(made))
    busy[0].end()

    assert [share("key", count(made)) for _ in range(2)] == [2, 3]


@pytest.fixture
def busy() -> Iterator[list[Asking]]:
    """A process with as many questions at hand as make it share."""
    others = [Asking(f"other {number}") for number in range(BUSY_QUESTIONS)]
    yield others
    for other in others:
        other.end()


def wait_for_another() -> None:
    """Until somebody else waits for the answer: before, it may still be one of their own."""
    wait_until(lambda: len(shared._answers["key"].askers) == 2, 60, "another waits")


def test_what_is_being_answered_is_waited_for() -> None:
    first = Asking("key")
    answers: list[str] = []
    second = threading.Thread(target=lambda: answers.append(share("key", lambda: "of another")))
    second.start()
    wait_for_another()
    first.end()
    second.join(60)

    assert answers == first.answers == ["of key"]


def test_who_asked_first_may_leave_those_who_wait_for_the_same() -> None:
    left = {"first": False, "second": False}
    leaves: list[bool] = []

    def make() -> str:
        begun.set()
        assert go.wait(60)
        leaves.append(find_asker()())
        left["second"] = True
        leaves.append(find_asker()())
        return "answer"

    def ask(name: str) -> None:
        with asked_by(lambda: left[name]):
            answers.append(share("key", make))

    begun, go = threading.Event(), threading.Event()
    answers: list[str] = []
    first = threading.Thread(target=ask, args=("first",))
    first.start()
    assert begun.wait(60)
    left["first"] = True
    second = threading.Thread(target=ask, args=("second",))
    second.start()
    wait_for_another()
    go.set()
    first.join(60)
    second.join(60)

    assert leaves == [False, True]  # while the second waits, and when nobody does
    assert answers == ["answer", "answer"]


def test_whom_nobody_waits_for_nobody_joins() -> None:
    def make() -> str:
        assert find_asker()()
        return share("key", lambda: "anew")

    with asked_by(lambda: True):
        assert share("key", make) == "anew"


def test_an_old_answer_is_not_told_again(
    busy: list[Asking], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    share("key", count(made))
    monkeypatch.setattr(shared, "SHARED_SECONDS", 0.0)

    assert share("key", count(made)) == 2


def test_what_failed_is_told_and_asked_again(busy: list[Asking]) -> None:
    def fail() -> int:
        raise ValueError("now")

    with pytest.raises(ValueError, match="now"):
        share("key", fail)

    assert share("key", lambda: 1) == 1


def test_no_more_is_kept_than_a_process_may() -> None:
    for number in range(MAX_ANSWERS + 50):
        share(number, lambda: 1)

    assert len(shared._answers) == MAX_ANSWERS
