"""What the rounds of a part gave: their median, and how far they lie apart."""

from collections.abc import Iterable, Sequence
from statistics import median

Spread = dict[str, float | str]


def describe(name: str, values: Iterable[float]) -> Spread:
    """The median as `name`, and the least and the greatest as text."""
    found = sorted(values)
    digits = 2 if abs(found[-1]) < 100 else 0
    ends = f"{found[0]:,.{digits}f} to {found[-1]:,.{digits}f}"
    return {name: median(found), f"{name}_spread": ends}


def describe_ratio(name: str, ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Of the rounds' ratios, ours / theirs: neighbours in time are compared."""
    return describe(name, (a / b for a, b in zip(ours, theirs, strict=True)))
