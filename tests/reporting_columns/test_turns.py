"""The slots of a process are shared fairly by project."""

import threading
import time
from collections.abc import Iterator

import pytest

from reporting.columns.slots.turns import Turns
from tests.workers import wait_until

ALICE, BOB, CAROL = b"alice...", b"bob.....", b"carol..."
PATIENCE_SECONDS = 60.0  # of a machine that does much else


class Asker:
    """Asks in a thread of its own; `order` notes who gets a slot."""

    def __init__(
        self, turns: Turns, project: bytes, order: list[bytes], *, guest: bool = False
    ) -> None:
        self._turns, self._project, self._order, self._guest = turns, project, order, guest
        self.got: bool | None = None
        self._thread = threading.Thread(target=self._take)
        before = count_waiting(turns)
        self._thread.start()
        # So they wait in the order in which they are made.
        wait_until(lambda: count_waiting(turns) > before, PATIENCE_SECONDS, "it waits")

    def _take(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        self.got = self._turns.take(self._project, deadline, guest=self._guest)
        if self.got:
            self._order.append(self._project)

    def join(self) -> None:
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()


def wait_for(order: list[bytes], count: int) -> None:
    wait_until(lambda: len(order) == count, PATIENCE_SECONDS, "the next has its turn")


def count_waiting(turns: Turns) -> int:
    lines = (turns._waiting, turns._waiting_guests)
    return sum(len(events) for line in lines for events in line.values())


@pytest.fixture
def order() -> Iterator[list[bytes]]:
    yield []


def soon() -> float:
    return time.monotonic() + 0.05


@pytest.mark.parametrize(("slots", "most"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_a_project_takes_half_of_the_slots_rounded_up(slots: int, most: int) -> None:
    turns = Turns(slots)
    taken = [turns.take(ALICE, soon()) for _ in range(most + 1)]
    assert taken == [True] * most + [False]
    rest = [turns.take(BOB, soon()) for _ in range(slots - most)]
    assert rest == [True] * (slots - most)
    assert not turns.take(CAROL, soon())


def test_who_asks_little_waits_for_no_queue_of_another(order: list[bytes]) -> None:
    turns = Turns(1)
    assert turns.take(ALICE, soon())
    waiting = [Asker(turns, project, order) for project in (ALICE, ALICE, ALICE, BOB, CAROL)]
    for number, project in enumerate((ALICE, ALICE, BOB, CAROL, ALICE), 1):
        turns.give_back(project)
        wait_for(order, number)
    for asker in waiting:
        asker.join()
    assert order == [ALICE, BOB, CAROL, ALICE, ALICE]


def test_a_slot_that_a_project_may_not_have_goes_to_the_next(order: list[bytes]) -> None:
    turns = Turns(2)
    assert turns.take(ALICE, soon())
    assert turns.take(BOB, soon())
    waiting = [Asker(turns, project, order) for project in (ALICE, CAROL)]
    turns.give_back(BOB)
    waiting[1].join()
    assert order == [CAROL]
    turns.give_back(ALICE)
    waiting[0].join()
    assert order == [CAROL, ALICE]


def test_who_gives_up_is_passed_over() -> None:
    turns = Turns(1)
    assert turns.take(ALICE, soon())
    assert not turns.take(BOB, soon())
    turns.give_back(ALICE)
    assert turns.take(CAROL, soon())


def test_who_is_killed_while_it_waits_keeps_no_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(1)
    assert turns.take(ALICE, soon())

    def die(self: threading.Event, timeout: float) -> bool:
        turns.give_back(ALICE)  # whose slot is the killed one's at this moment
        raise SystemExit

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(threading.Event, "wait", die)
        turns.take(BOB, soon())
    assert turns.take(CAROL, soon())


def test_guests_wait_behind_all_others_and_leave_them_half_of_the_slots(order: list[bytes]) -> None:
    turns = Turns(2)
    assert turns.take(ALICE, soon(), guest=True)
    assert not turns.take(BOB, soon(), guest=True)  # though a slot is free
    assert turns.take(ALICE, soon())  # a guest takes nothing of what she may have
    guest = Asker(turns, CAROL, order, guest=True)
    members = [Asker(turns, project, order) for project in (BOB, ALICE)]
    turns.give_back(ALICE)
    members[0].join()
    turns.give_back(ALICE, guest=True)
    members[1].join()
    assert order == [BOB, ALICE]
    turns.give_back(BOB)
    guest.join()
    assert order == [BOB, ALICE, CAROL]
    turns.give_back(CAROL, guest=True)
    assert turns.take(BOB, soon(), guest=True)


def test_of_one_slot_a_guest_has_one() -> None:
    turns = Turns(1)
    assert turns.take(ALICE, soon(), guest=True)
    assert not turns.take(BOB, soon())
