"""Counting the distinct members of a set: exactly while it is small, by a sketch beyond.

A set of up to EXACT_MAX members is kept as it is. A larger one is an Apache DataSketches HLL
sketch and stays one. Whether a set is exact, and what its sketch estimates, follow from its
members alone, in whatever order and grouping they were brought together. For that the estimate
is always the one of a union: a sketch that saw its members one by one knows a slightly better
estimate, which the first union takes away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from datasketches import HLL_4, HLL_8, hll_sketch, hll_union

from analytics.rollups.codec import Hashes

EXACT_MAX: Final = 256
LG_K: Final = 12
STANDARD_DEVIATIONS: Final = 2

RELATIVE_ERROR: Final[float] = max(
    abs(hll_sketch.get_rel_err(upper, True, LG_K, STANDARD_DEVIATIONS)) for upper in (True, False)
)
"""The library's own bound: 95 % of the estimates lie within this share of the true count."""

_FLAGS = 5
_OUT_OF_ORDER = 0x10
_MODE = 7
_MODE_BITS = 0x03
_HLL = 2  # else it still lists what it has seen, and every estimate of that is the same
_COUPONS_START = 12
_REGISTERS_START = 40
_REGISTERS = 1 << LG_K


@dataclass(frozen=True, slots=True)
class Uniques:
    """How many distinct members a set has, and how far to trust it."""

    count: int
    method: Literal["exact", "hll"]
    error: float
    """Relative, at two standard deviations; 0 for an exact count."""


def count_uniques(members: Hashes, sketches: Iterable[bytes] = ()) -> Uniques:
    """Count the union of exact `members` (repeats allowed) and of `sketches`."""
    sketches = list(sketches)
    if not sketches:
        members = np.unique(members)
        if len(members) <= EXACT_MAX:
            return Uniques(len(members), "exact", 0.0)
    elif len(sketches) == 1 and not len(members) and _is_of_union(sketches[0]):
        estimate: float = hll_sketch.deserialize(sketches[0]).get_estimate()
        return Uniques(round(estimate), "hll", RELATIVE_ERROR)
    return Uniques(_estimate(_union(members, sketches)), "hll", RELATIVE_ERROR)


def union_sketches(members: Hashes, sketches: Iterable[bytes]) -> bytes:
    """Return the sketch of everything in `sketches` and of `members`."""
    union = _settle(_union(members, sketches))
    sketch: bytes = union.get_result(HLL_4).serialize_compact()
    return sketch


def same_sketch(one: bytes, other: bytes) -> bool:
    """Tell whether two sketches hold the same state, leaving out how they came to it."""
    return one == other or _read_state(one) == _read_state(other)


def _union(members: Hashes, sketches: Iterable[bytes]) -> hll_union:
    union = hll_union(LG_K)
    for sketch in sketches:
        union.update(hll_sketch.deserialize(sketch))
    if len(members):
        # A sketch takes single members a third faster than a union does.
        exact = hll_sketch(LG_K, HLL_8)
        update = exact.update
        # Signed: beyond 2**63 the binding takes an integer for a float, and many for the same.
        for member in members.view(np.int64).tolist():
            update(member)
        union.update(exact)
    return union


def _estimate(union: hll_union) -> int:
    estimate: float = _settle(union).get_estimate()
    return round(estimate)


def _settle(union: hll_union) -> hll_union:
    """Make it a union even where it is the mere copy of one sketch: it takes its own result in."""
    union.update(union.get_result(HLL_8))
    return union


def _is_of_union(sketch: bytes) -> bool:
    """Whether its own estimate is that of a union already, which is 100 times cheaper."""
    is_hll = sketch[_MODE] & _MODE_BITS == _HLL
    return not is_hll or bool(sketch[_FLAGS] & _OUT_OF_ORDER)


def _read_state(sketch: bytes) -> bytes:
    """Return the registers, or while there are few members the sorted list they come from."""
    union = hll_union(LG_K)
    union.update(hll_sketch.deserialize(sketch))
    wide = union.get_result(HLL_8)
    registers: bytes = wide.serialize_updatable()
    if len(registers) >= _REGISTERS_START + _REGISTERS:
        return registers[_REGISTERS_START : _REGISTERS_START + _REGISTERS]
    coupons = np.frombuffer(wide.serialize_compact(), "<u4", offset=_COUPONS_START)
    return np.sort(coupons).tobytes()
