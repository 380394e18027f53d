"""Which kind of process comes next."""

from itertools import product

import pytest

from ingestion.server.worker_kinds import is_next_reporting


def fork(kinds: list[bool], workers: int, reporting: int) -> list[bool]:
    return [*kinds, is_next_reporting(kinds, workers, reporting)]


@pytest.mark.parametrize(("workers", "reporting"), [(2, 1), (3, 1), (4, 2), (5, 1), (5, 4)])
def test_whatever_lived_a_whole_new_set_has_the_right_mix(workers: int, reporting: int) -> None:
    for before in product([False, True], repeat=workers + 1):
        kinds = list(before)
        for _ in range(workers):
            kinds = fork(kinds, workers, reporting)
        assert kinds[-workers:].count(True) == reporting, before


@pytest.mark.parametrize(("workers", "reporting"), [(2, 1), (3, 1), (4, 2), (5, 3)])
def test_the_dead_are_replaced_by_their_kind(workers: int, reporting: int) -> None:
    kinds: list[bool] = []
    for _ in range(workers):
        kinds = fork(kinds, workers, reporting)
    for dead in product(range(workers), repeat=workers):
        living = list(kinds)
        for index in sorted(set(dead), reverse=True):
            del living[index]
        while len(living) < workers:
            living = fork(living, workers, reporting)
        assert living.count(True) == reporting, dead


def test_accepting_processes_come_first() -> None:
    assert (
        fork(fork(fork([], 3, 1), 3, 1), 3, 1) == fork([False, False], 3, 1) == [False, False, True]
    )


def test_with_a_role_none_reports() -> None:
    assert not any(is_next_reporting([False] * living, 3, 0) for living in range(6))
    assert not is_next_reporting([], 1, 0)
