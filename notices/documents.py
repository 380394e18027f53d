"""What notices are in MongoDB, and what they say; docs/data-model.md has the rest.

Moments inside of facts are texts: ISO 8601 with the offset of the project's zone. Numbers are as
the API has them: shares of 1, seconds, None for what is not there.
"""

from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from notices.rule_documents import Against as Against
from notices.rule_documents import AlertTerms as AlertTerms
from notices.rule_documents import AlertUnit as AlertUnit
from notices.rule_documents import Direction as Direction
from notices.rule_documents import HistoryEntry as HistoryEntry
from notices.rule_documents import How as How
from notices.rule_documents import MailTarget as MailTarget
from notices.rule_documents import Number as Number
from notices.rule_documents import ReportEvery as ReportEvery
from notices.rule_documents import ReportTerms as ReportTerms
from notices.rule_documents import RuleDocument as RuleDocument
from notices.rule_documents import Target as Target
from notices.rule_documents import Trouble as Trouble
from notices.rule_documents import WebhookTarget as WebhookTarget

Json = dict[str, Any]

# --- Facts: what one notice says, frozen when it is made ------------------------------------------


class ProjectFacts(TypedDict):
    id: str
    name: str


class RuleFacts(TypedDict):
    id: str
    name: str


class WindowFacts(TypedDict):
    """`[start, end)`; `unit` is what it is one of, None for one of its own length."""

    start: str
    end: str
    unit: AlertUnit | None


class Figure(TypedDict):
    """A metric by its name, in the window and in the one it is compared with."""

    metric: str
    value: Number
    before: Number
    change: Number  # (value - before) / before; None where before is 0 or nothing
    difference: Number


class ListRow(TypedDict):
    """`key` is None for what has no value: direct, (none), unknown."""

    key: str | None
    value: Number
    before: Number
    change: Number


class ListFacts(TypedDict):
    field: str  # of the query language: path, source, country
    metric: str
    rows: list[ListRow]
    total: int  # rows there are


class GoalFacts(TypedDict):
    id: str
    name: str
    conversions: Number
    rate: Number
    before: Number  # conversions
    change: Number


class NoteFacts(TypedDict):
    """What somebody noted: on a day, or at a minute."""

    at: str
    isDay: bool
    text: str


class BooksFacts(TypedDict):
    """Of the UTC days that the window touches; `missing` are accepted events that are nowhere."""

    accepted: int
    stored: int
    duplicate: int
    dead: int
    waiting: int
    erased: int
    refused: int
    missing: int


class CommonFacts(TypedDict):
    project: ProjectFacts
    rule: RuleFacts
    zone: str
    window: WindowFacts
    compared: WindowFacts | None
    madeAt: str
    path: str  # of the page with the same fixed window, from the root of the service
    isTest: bool  # "send me this one now"


class ReportFacts(CommonFacts):
    kind: Literal["report"]
    every: ReportEvery
    filters: list[str]
    figures: list[Figure]
    lists: list[ListFacts]
    goals: list[GoalFacts]
    notes: list[NoteFacts]
    moreNotes: int  # that are left out of `notes`
    books: BooksFacts | None  # None where they could not be read; `trouble` says so
    events: int  # in the window, without bots; 0: the report says that there was nothing
    missed: list[WindowFacts]  # windows for which nothing was sent, the latest of them
    moreMissed: int
    waiting: int  # events that were not in yet when it could wait no longer
    trouble: list[str]  # what could not be asked, by the names of the parts above


class AlertFacts(CommonFacts):
    kind: Literal["alert"]
    what: Literal["fired", "again", "over"]
    alert: AlertTerms
    goal: GoalFacts | None  # its name; the numbers are those of `figure`
    figure: Figure
    base: Number  # how many there were to judge by, where there is a smallest number
    since: str  # when the episode began
    tooFew: bool  # it is over because there are too few to judge by
    isRunning: bool  # the window is not over


Facts = ReportFacts | AlertFacts

# --- Notices -----------------------------------------------------------------------------------

NoticeState = Literal["waiting", "sending", "sent", "failed", "dropped"]


class NoticeDocument(TypedDict):
    """`notices`: one thing to say to one target.

    `_id` is the project in hex, the rule, what it says (a report of a window, or which word of an
    alert at which moment) and a digest of the target: so it is there once, whoever makes it and
    how often. `key` is a digest of `_id`, the same at each attempt: for Message-ID and for the id
    of a webhook.
    """

    _id: str
    key: str
    project: bytes
    rule: str
    target: Target
    facts: Facts
    state: NoticeState
    open: NotRequired[bool]  # while it waits or is being sent
    attempts: int  # that were begun
    madeAt: datetime
    nextAt: datetime  # when to try, of one that is open
    holder: NotRequired[str]  # who sends it
    leaseUntil: NotRequired[datetime]  # and until when nobody else will
    endedAt: NotRequired[datetime]
    detail: NotRequired[str]  # how the last attempt went, in some words without secrets
    expiresAt: NotRequired[datetime]


class Outcome(TypedDict):
    """How one attempt went. `sending` never raises: what is in doubt is `retry`.

    `dropped`: nobody is to be told any more (not confirmed, unsubscribed). `retryAfterSeconds`
    is the least that the other side asked for.
    """

    result: Literal["sent", "retry", "failed", "dropped"]
    detail: str
    retryAfterSeconds: NotRequired[float]


SEND_SECONDS = 30.0
"""What one attempt may take, all in all; the lease is longer."""
