"""One bad item must harm no other: what fails together is tried in halves."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


def halve_until_alone(
    items: Sequence[Item],
    act: Callable[[Sequence[Item]], Done],
    give_up: Callable[[Item, Exception], Done | None],
    *,
    on: type[Exception],
    but: tuple[type[Exception], ...] = (),
) -> list[Done]:
    """`act` on all items at once, and where it raises `on`, on halves, until the bad one is alone.

    Returns what `act` made of each part, and `give_up` of each bad item, if that is anything. An
    error of `but` is of the moment and of no item: it is raised.
    """
    try:
        return [act(items)]
    except but:
        raise
    except on as exc:
        if len(items) == 1:
            done = give_up(items[0], exc)
            return [] if done is None else [done]
    middle = len(items) // 2
    return [
        *halve_until_alone(items[:middle], act, give_up, on=on, but=but),
        *halve_until_alone(items[middle:], act, give_up, on=on, but=but),
    ]
