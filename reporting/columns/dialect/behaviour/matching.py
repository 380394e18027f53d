"""Which steps the events of one moment can be, each event one of them.

Events of one moment stand in any order, so what counts is how many there are that match the same
steps: `counts`, by mask. Bit 0 of a mask is the first step.
"""

from collections.abc import Mapping

Counts = Mapping[int, int]


def reach(counts: Counts, done: int, steps: int) -> int:
    """How many steps are done at most after these events, where `done` were before them."""
    taken: dict[int, list[int]] = {mask: [] for mask in counts}
    step = done
    while step < steps and _place(step, counts, taken, set()):
        step += 1
    return step


def passes(must: Counts, may: Counts, done: int, until: int) -> bool:
    """Whether the steps from `done` to `until` can be these events, with all of `must` among them.

    If some events can be all of these steps, and those of `must` can each be one of them, then both
    hold at once (Mendelsohn and Dulmage).
    """
    if sum(must.values()) > until - done:
        return False
    both = {mask: must.get(mask, 0) + may.get(mask, 0) for mask in {*must, *may}}
    return reach(both, done, until) == until and _place_all(must, done, until)


def find_first_masks(counts: Counts, taken: int) -> set[int]:
    """The masks of the events that can be the first step where `taken` steps are these events."""
    found = set()
    for mask in counts:
        left = {each: number - (each == mask) for each, number in counts.items()}
        if mask & 1 and reach(left, 1, taken) >= taken:
            found.add(mask)
    return found


def _place(step: int, counts: Counts, taken: dict[int, list[int]], tried: set[int]) -> bool:
    """Give the step an event, others moving to other events if they have to."""
    for mask, number in counts.items():
        if not mask >> step & 1 or mask in tried:
            continue
        tried.add(mask)
        steps = taken[mask]
        if len(steps) < number:
            steps.append(step)
            return True
        for index, other in enumerate(steps):
            if _place(other, counts, taken, tried):
                steps[index] = step
                return True
    return False


def _place_all(must: Counts, done: int, until: int) -> bool:
    """Whether each event can be a step of its own."""
    masks = [mask for mask, number in must.items() for _ in range(number)]
    taken: dict[int, int] = {}  # the events by their steps

    def place(event: int, tried: set[int]) -> bool:
        for step in range(done, until):
            if not masks[event] >> step & 1 or step in tried:
                continue
            tried.add(step)
            if step not in taken or place(taken[step], tried):
                taken[step] = event
                return True
        return False

    return all(place(event, set()) for event in range(len(masks)))
