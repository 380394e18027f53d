"""What the figures and the curve are shown as."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard.parts.saved.marks import Mark
from reporting.words.metrics import Change, Shown

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """`is_estimate` where people were not counted one by one."""

    name: str
    label: str
    text: str
    exact: str
    before: str
    change: Change | None
    is_chosen: bool
    address: str
    is_estimate: bool


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """`is_next` follows the one that is chosen."""

    name: str
    is_chosen: bool
    is_next: bool
    address: str


@dataclass(frozen=True, slots=True)
class Point:
    """A unit of time; `value` is None where it has not begun, or has no value."""

    label: str
    title: str
    text: str
    value: Any
    before: str
    is_partial: bool
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class Empty:
    """Why there is nothing, and the way out: a link, what it sets, and its text."""

    text: str
    address: str = ""
    sets: str = ""
    way: str = ""


@dataclass(frozen=True, slots=True)
class Top:
    """`said` is for whoever hears the page: what has changed, in one sentence."""

    said: str
    figures: Sequence[Figure]
    points: Sequence[Point]
    curve: Json
    line: str
    units: Sequence[UnitChoice]
    metric: Shown
    window: str
    compared: str
    fresh: datetime
    zone: str
    empty: Empty | None
    holds_now: bool
    notes: Sequence[str]
    marks: Sequence[Mark]
