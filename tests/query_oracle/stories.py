"""Random events, questions and things that happen, for the comparison with a count by hand.

Moments lie around a change of the clocks of the story's zone, texts are those that engines
disagree about, and numbers those that doubles cannot tell apart.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bson.int64 import Int64
from hypothesis import strategies as st

from tests.query_oracle.brute.windows import first_moment
from tests.query_oracle.questions import JOURNEYS, TABLE, Asked, Body, asked
from tests.query_oracle.samples import (
    CHANGES,
    EVENTS,
    KEYS,
    NESTED,
    NUMBERS,
    PATHS,
    STORED_FIELDS,
    TEXTS,
    USERS,
)
from tests.stored import ENRICHED

Wire = dict[str, Any]

EVER: Body = {"start": "1980-01-01", "end": "2100-01-01", "bots": True}
EVERYTHING: list[Asked] = [
    (TABLE, EVER | {
        "metrics": [
            "views", "events", "users", "visitors", "sum(properties.n)",
            "visits", "bounceRate", "visitDuration", "viewsPerVisit",
        ],
    }),
    (TABLE, EVER | {"metrics": ["visits", "views"], "dimensions": ["entryPath", "source"]}),
    (JOURNEYS, EVER | {"steps": 8, "field": "event"}),
]  # fmt: skip
"""Asked in every story, so that nothing that is lost, doubled or hidden goes unseen."""

STEPS = [
    "store", "store", "store", "again", "export", "settle", "settle", "settle", "crash", "merge",
    "rebuild", "erase", "collect", "cut", "move",
]  # fmt: skip

SPARSE, DENSE = "sparse", "dense"
QUARTER = timedelta(minutes=15)


@dataclass(frozen=True)
class Step:
    """What happens next, and of what."""

    name: str
    argument: Any = None


values = st.one_of(
    st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.booleans(), st.none(),
    st.sampled_from(NESTED),
)  # fmt: skip


@st.composite
def events(draw: st.DrawFn, middle: datetime) -> Wire:
    """As it is sent, with what enrichment is to find; a timestamp may be so long ago."""
    minutes = draw(st.integers(-3 * 1_440, 3 * 1_440) | st.sampled_from([-60, -30, 0, 30, 60]))
    moment: datetime | timedelta = middle + timedelta(
        minutes=minutes, milliseconds=draw(st.sampled_from([0, 0, 1, -1]))
    )
    if draw(st.integers(0, 4)) == 0:
        moment = timedelta(minutes=draw(st.integers(0, 3 * 1_440)))
    name = draw(st.sampled_from(EVENTS))
    visitor = draw(st.sampled_from([None, 1, 2, 3, -(2**63), 2**63 - 1]))
    anonymous = None if visitor is None else draw(st.sampled_from([None, 7]))
    found: Wire = {"visitor": to_int64(visitor), "anonymous": to_int64(anonymous)}
    if draw(st.integers(0, 5)) == 0:
        found["bot"] = draw(st.sampled_from(["GPTBot", "headless"]))
    for field in draw(st.lists(st.sampled_from(STORED_FIELDS), max_size=3)):
        found[field] = draw(st.sampled_from(["a", "A", "b", "ü", "", "5"]))
    event: Wire = {
        "event": name,
        "path": draw(st.sampled_from(PATHS)),
        "timestamp": moment,
        ENRICHED: found,
    }
    if draw(st.booleans()):
        event["userId"] = draw(st.sampled_from(USERS))
    if draw(st.integers(0, 3)):
        event["properties"] = draw(properties(engagement=name == "$engagement"))
    return event


@st.composite
def busy_moments(draw: st.DrawFn, zone: str, middle: datetime) -> list[datetime]:
    """A few, around which events are: midnights, a change of the clocks, a day of weeks before."""
    info = ZoneInfo(zone)
    day = middle.astimezone(info).date()
    moments = [
        middle, first_moment(day, info), first_moment(day + timedelta(days=1), info),
        first_moment(day - timedelta(days=14), info), middle + timedelta(days=2),
        first_moment(day, ZoneInfo("UTC")),
    ]  # fmt: skip
    return draw(st.lists(st.sampled_from(moments), min_size=1, max_size=3, unique=True))


@st.composite
def busy_events(draw: st.DrawFn, moments: list[datetime]) -> Wire:
    """Of few people on two devices, in quarters of an hour around few moments.

    So pauses are just shorter or longer than 30 minutes, and many events are of one millisecond.
    """
    begun = draw(st.sampled_from(moments))
    away = draw(st.integers(-4, 4)) * QUARTER
    away += timedelta(milliseconds=draw(st.sampled_from([0, 0, 0, 1, -1])))
    moment: datetime | timedelta = begun + away
    if draw(st.integers(0, 9)) == 0:
        moment = timedelta(hours=3) + away
    device = draw(st.sampled_from([7, 8]))
    user = draw(st.sampled_from([None, None, *USERS[:2]]))
    is_public, is_followed = draw(st.booleans()), draw(st.integers(0, 11)) > 0
    visitor = device if user is None else USERS.index(user) + 1
    found: Wire = {
        "visitor": to_int64(visitor if is_followed else None),
        "anonymous": to_int64(device if is_followed and is_public else None),
    }
    if draw(st.integers(0, 9)) == 0:
        found["bot"] = "GPTBot"
    for field in ("source", "country", *draw(st.lists(st.sampled_from(STORED_FIELDS), max_size=1))):
        found[field] = draw(st.sampled_from([None, "a", "b"]))
    event: Wire = {
        "event": draw(st.sampled_from(EVENTS)),
        "path": draw(st.sampled_from(PATHS[:3])),
        "timestamp": moment,
        ENRICHED: found,
    }
    if user and is_followed:
        event["userId"] = user
    return event


@st.composite
def properties(draw: st.DrawFn, *, engagement: bool) -> Wire:
    found = draw(st.dictionaries(st.sampled_from(KEYS), values, max_size=4))
    if draw(st.booleans()):
        found["n"] = draw(st.sampled_from([1, 2, 3, 4.5, 2**53 + 1, -1]))
    if engagement:
        found |= {
            "view": draw(st.sampled_from(["x", "y", 1, None])),
            "seconds": draw(st.sampled_from([0, 3, 2.5, 4_000, "9", None])),
            "scroll": draw(st.sampled_from([0, 40, 100])),
        }
    return found


def to_int64(value: int | None) -> Int64 | None:
    return None if value is None else Int64(value)


@st.composite
def steps(draw: st.DrawFn, middle: datetime, event: st.SearchStrategy[Wire]) -> Step:
    name = draw(st.sampled_from(STEPS))
    match name:
        case "store":
            return Step(name, draw(st.lists(event, min_size=1, max_size=8)))
        case "move":
            return Step(name, (draw(st.sampled_from(sorted(CHANGES))), draw(st.booleans())))
        case "export":
            return Step(name, draw(st.sampled_from([1, 3, 50_000])))
        case "crash":
            return Step(name, draw(st.integers(0, 5)))
        case "erase":
            killed_in = st.sampled_from([None, "export_project", "forget_in_next", "lift_veil"])
            return Step(name, (draw(st.sampled_from(USERS)), draw(killed_in)))
        case "cut":
            return Step(name, middle + timedelta(minutes=draw(st.integers(-2_880, 0))))
    return Step(name)


@dataclass(frozen=True)
class Story:
    zone: str
    leaves_out_bots: bool
    steps: list[Step]
    questions: list[Asked]
    cuts_small: bool = False
    """Whether segments are cut as if a few rows were many."""


@st.composite
def stories(
    draw: st.DrawFn, kind: str = SPARSE, *, most_steps: int = 6, most_questions: int = 4
) -> Story:
    zone = draw(st.sampled_from(sorted(CHANGES)))
    middle = datetime.fromisoformat(CHANGES[zone])
    event = events(middle) if kind == SPARSE else busy_events(draw(busy_moments(zone, middle)))
    least = draw(st.sampled_from([5, 15]))
    first = Step("store", draw(st.lists(event, min_size=least, max_size=25)))
    most = most_steps - 1
    least = draw(st.sampled_from([0, most // 2, most]))
    following = draw(st.lists(steps(middle, event), min_size=least, max_size=most))
    questions = draw(st.lists(asked(middle), min_size=1, max_size=most_questions))
    return Story(
        zone,
        draw(st.booleans()),
        [first, *following],
        [*EVERYTHING, *questions],
        cuts_small=draw(st.booleans()),
    )
