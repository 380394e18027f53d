"""The strict chain that counts of one person: no event comes between its own.

Events of one moment stand in any order. So of the moment in which a chain begins, and of the one in
which it ends, it may leave events out; of a moment in between it takes all, but for those that may
be left out anywhere. How far a chain has come does not say what is best: that is why all that is
possible is kept, from the last moment back, as the earliest time by which each length is reached.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from reporting.columns.dialect.behaviour.matching import passes, reach

_NEVER = 2**62
_MOST_ALIKE = 9  # one more than there can be steps

Key = tuple[tuple[int, bool, int], ...]
"""Masks of the events of a moment, whether these may be left out, and how many there are; more than
there are steps are alike."""

Ends = list[list[int]]
"""For each number of steps done, the earliest end of chains of one step more, two more, ..."""


@dataclass(slots=True)
class Line:
    """The events of a person, by time: their masks, and which may be left out."""

    times: "array[int]" = field(default_factory=lambda: array("q"))
    masks: bytearray = field(default_factory=bytearray)
    optional: bytearray = field(default_factory=bytearray)

    def add(self, time: int, mask: int, optional: bool) -> None:
        self.times.append(time)
        self.masks.append(mask)
        self.optional.append(optional)

    def moments(self) -> list[int]:
        """Where each begins, and the end of the last."""
        times = self.times
        begins = [at for at in range(len(times)) if not at or times[at] != times[at - 1]]
        return [*begins, len(times)]

    def key(self, begin: int, end: int) -> Key:
        if end - begin == 1:
            return ((self.masks[begin], bool(self.optional[begin]), 1),)
        found = Counter(zip(self.masks[begin:end], self.optional[begin:end], strict=True))
        counts = ((mask, bool(free), min(n, _MOST_ALIKE)) for (mask, free), n in found.items())
        return tuple(sorted(counts))


@dataclass(frozen=True, slots=True)
class Moment:
    """What its events can be, by how many steps are done before them: the most steps done after
    them where the chain ends here, and the numbers that can be done where it goes on."""

    last: Sequence[int]
    on: Sequence[Sequence[int]]


@lru_cache(maxsize=1_024)
def _judge(key: Key, steps: int) -> Moment:
    must = Counter({mask: number for mask, optional, number in key if not optional})
    may = Counter({mask: number for mask, optional, number in key if optional})
    both = must + may
    last = [reach(both, done, steps) for done in range(steps)]
    on = [
        tuple(until for until in range(done, last[done] + 1) if passes(must, may, done, until))
        for done in range(steps)
    ]
    return Moment(last, on)


def find_strict_chain(line: Line, steps: int, within_ms: int | None) -> list[int]:
    """The times of the longest chain, of equal ones the one whose times are smallest."""
    begins = line.moments()
    nothing = [[_NEVER] * (steps - done) for done in range(steps)]
    ends = nothing
    longest = start = 0
    for at in range(len(begins) - 2, -1, -1):
        time = line.times[begins[at]]
        moment = _judge(line.key(begins[at], begins[at + 1]), steps)
        if moment.last[0]:
            bound = _NEVER - 1 if within_ms is None else time + within_ms
            length = _measure(moment, ends, steps, bound)
            if length >= longest:
                longest, start = length, at
        ends = [
            nothing[0],
            *(_go_back(moment, ends, nothing, done, time) for done in range(1, steps)),
        ]
    return list(_follow(line, begins, start, longest, steps, within_ms)) if longest else []


def _measure(moment: Moment, ends: Ends, steps: int, bound: int) -> int:
    """How long the longest chain is that begins in a moment."""
    longest = moment.last[0]
    for done in range(1, min(longest, steps - 1) + 1):
        further = sum(end <= bound for end in ends[done])
        longest = max(longest, done + further)
    return longest


def _go_back(moment: Moment, ends: Ends, nothing: Ends, done: int, time: int) -> list[int]:
    last, on = moment.last[done], moment.on[done]
    here = [time] * (last - done)
    if not on:
        return here + nothing[done][last - done :] if here else nothing[done]
    if on == (done,) and not here:
        return ends[done]
    later = [
        min((ends[until][length - until - 1] for until in on if until < length), default=_NEVER)
        for length in range(last + 1, len(nothing) + 1)
    ]
    return here + later


def _follow(
    line: Line, begins: list[int], start: int, length: int, steps: int, within_ms: int | None
) -> Iterator[int]:
    """The times of the chain of a length that begins in a moment, each as early as can be."""
    times, bound = line.times, _NEVER
    if within_ms is not None:
        bound = times[begins[start]] + within_ms
    stop = start + 1
    while stop < len(begins) - 1 and times[begins[stop]] <= bound:
        stop += 1
    can = bytearray(stop - start + 1)  # by moment: bit n, whether the rest follows n steps
    for at in range(stop - 1, start, -1):
        moment = _judge(line.key(begins[at], begins[at + 1]), steps)
        can[at - start] = sum(
            1 << done
            for done in range(1, length)
            if moment.last[done] >= length
            or any(can[at - start + 1] >> until & 1 for until in moment.on[done] if until < length)
        )
    done = 0
    for at in range(start, stop):
        moment = _judge(line.key(begins[at], begins[at + 1]), steps)
        until = length
        if moment.last[done] < length:
            options = range(1, moment.last[0] + 1) if at == start else moment.on[done]
            until = max(each for each in options if can[at - start + 1] >> each & 1)
        yield from [times[begins[at]]] * (until - done)
        done = until
        if done == length:
            return
