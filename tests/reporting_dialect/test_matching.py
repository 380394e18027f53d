"""Events of one moment are given to steps as trying every order would."""

from collections import Counter
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from reporting.columns.dialect.behaviour.matching import find_first_masks, passes, reach

STEPS = 4

some_masks = st.lists(st.integers(0, 2**STEPS - 1), max_size=5)


def can_be(masks: list[int], done: int, until: int) -> list[tuple[int, ...]]:
    """The indexes of events that can be these steps, in their order."""
    return [
        chosen
        for chosen in permutations(range(len(masks)), until - done)
        if all(masks[index] >> step & 1 for step, index in enumerate(chosen, done))
    ]


@given(some_masks, st.integers(0, STEPS - 1))
def test_as_many_steps_as_can_be_are_done(masks: list[int], done: int) -> None:
    most = max(until for until in range(done, STEPS + 1) if can_be(masks, done, until))

    assert reach(Counter(masks), done, STEPS) == most


@given(some_masks, some_masks, st.integers(0, STEPS - 1), st.integers(0, STEPS))
def test_those_that_must_be_steps_are(
    must: list[int], may: list[int], done: int, until: int
) -> None:
    until = max(done, until)
    all_of_must = set(range(len(must)))
    possible = any(all_of_must <= {*chosen} for chosen in can_be(must + may, done, until))

    assert passes(Counter(must), Counter(may), done, until) == possible


@given(some_masks, st.integers(1, STEPS))
def test_the_first_step_is_an_event_that_leaves_the_others_theirs(
    masks: list[int], taken: int
) -> None:
    first = {masks[chosen[0]] for chosen in can_be(masks, 0, taken)}

    assert find_first_masks(Counter(masks), taken) == first
