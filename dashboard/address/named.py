"""Filters that stand under a name: `f=segment:german-readers-7k2p9x4m`, `f=goal:…`.

The name in an address is for people; what follows its last hyphen decides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from people.saved.filters import BadFilter, Filter

Json = dict[str, Any]

SEGMENT, GOAL = "segment", "goal"
KINDS = (SEGMENT, GOAL)


@dataclass(frozen=True, slots=True)
class Named(Filter):
    """`operator` is the kind, `values` the reference; `means` is what it stands for, all of it.

    `texts` are the filters of a segment, as an address has them.
    """

    label: str = ""
    means: tuple[Mapping[str, Any], ...] = ()
    texts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.operator}:{self.values[0]}"

    @property
    def condition(self) -> Json:
        conditions = [dict(each) for each in self.means]
        return conditions[0] if len(conditions) == 1 else {"and": conditions}

    @property
    def chooses_events(self) -> bool:
        """A segment says who is looked at, a goal what they did."""
        return self.operator == GOAL


def read_named(text: str, find: Callable[[str, str], Named]) -> Named | None:
    """None for a filter of another kind. Raises BadFilter, as `find` does of one that is gone."""
    kind, _, reference = text.partition(":")
    return find(kind, reference) if kind in KINDS else None


def find_none(kind: str, reference: str) -> Named:
    """Where nothing is saved. Raises BadFilter."""
    raise BadFilter(f"names a {kind} that is not there")
