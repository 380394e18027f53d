"""What rules are in MongoDB; docs/data-model.md has the rest."""

from datetime import datetime
from typing import Literal, NotRequired, TypedDict

Number = int | float | None

# --- To whom -----------------------------------------------------------------------------------


class MailTarget(TypedDict):
    kind: Literal["mail"]
    address: str


class WebhookTarget(TypedDict):
    kind: Literal["webhook"]
    url: str
    secret: str
    shape: Literal["plain", "slack"]


Target = MailTarget | WebhookTarget

# --- Rules -------------------------------------------------------------------------------------

How = Literal["above", "below", "changed", "silent"]
AlertUnit = Literal["hour", "day", "week", "month"]
Direction = Literal["either", "up", "down"]
Against = Literal["before", "week"]
"""What a change is a change of: the unit before, or (of hours and days) the one a week earlier."""


class AlertTerms(TypedDict):
    """When an alert fires.

    `value` is a number of the metric (above, below) or a share of 1 (changed); of `silent` it is
    None. `filters` are those of an address (`is:country:DE`); `goal` is the id of a goal.
    """

    how: How
    metric: str  # by its name in the query language
    filters: list[str]
    goal: str | None
    value: float | None
    unit: AlertUnit  # what is measured; not of `silent`
    running: bool  # the unit that is not over counts as well
    direction: Direction  # of `changed`
    against: Against  # of `changed`
    smallest: float | None  # fewer than so many do not count
    silentMinutes: int | None  # of `silent`
    pauseMinutes: int  # until it is said again


ReportEvery = Literal["day", "week", "month"]


class ReportTerms(TypedDict):
    """When a report goes out: after each whole local day, week from Monday, or month."""

    every: ReportEvery
    hour: int  # 0 to 23, of the project's zone, on the day after the window
    filters: list[str]


class Trouble(TypedDict):
    """Why a rule cannot be judged, or not be told of: a code, and a sentence; since when."""

    code: str
    detail: str
    since: datetime


class HistoryEntry(TypedDict):
    """What became of a rule at a moment; the latest come first, and are some tens."""

    at: datetime
    what: Literal["fired", "again", "over", "report"]
    start: datetime  # of the window
    end: datetime
    value: Number


class RuleDocument(TypedDict):
    """`notice_rules`: an alert or a report of one project; by `kind` it has one of the terms."""

    _id: str
    project: bytes
    kind: Literal["alert", "report"]
    name: str
    alert: NotRequired[AlertTerms]
    report: NotRequired[ReportTerms]
    targets: list[Target]
    createdBy: str
    createdAt: datetime
    since: datetime  # looked at from then on: made, changed or taken up again
    pausedAt: datetime | None
    revision: int  # counted up by whoever changes it, people and rounds alike
    nextAt: datetime | None  # when to look again; None while it is paused
    lastWindow: str | None  # the last one that is done, by the day or moment it begins with
    lookedAt: datetime | None
    value: Number  # of the last look
    firing: bool
    firingSince: datetime | None
    told: bool  # whether anybody was told of the episode
    toldAt: datetime | None  # when it last was said that it holds
    trouble: Trouble | None
    history: list[HistoryEntry]
