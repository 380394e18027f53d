"""Random events, questions and things that happen, for the comparison with a count by hand.

Moments lie around a change of the clocks of the story's zone, texts are those that engines
disagree about, and numbers those that doubles cannot tell apart.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson.int64 import Int64
from hypothesis import strategies as st

from tests.query_oracle.questions import Body, questions
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

EVERYTHING: Body = {
    "metrics": ["views", "events", "users", "visitors", "sum(properties.n)"],
    "start": "1980-01-01", "end": "2100-01-01", "bots": True,
}  # fmt: skip
"""Asked in every story, so that nothing that is lost, doubled or hidden goes unseen."""

STEPS = [
    "store", "store", "again", "export", "export", "crash", "merge", "rebuild", "erase", "collect",
    "cut",
]  # fmt: skip


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
    found: Wire = {
        "visitor": draw(st.sampled_from([None, 1, 2, 3, -(2**63), 2**63 - 1]).map(to_int64)),
        "anonymous": draw(st.sampled_from([None, 7]).map(to_int64)),
    }
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
def steps(draw: st.DrawFn, middle: datetime) -> Step:
    name = draw(st.sampled_from(STEPS))
    match name:
        case "store":
            return Step(name, draw(st.lists(events(middle), min_size=1, max_size=8)))
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
    questions: list[Body]


@st.composite
def stories(draw: st.DrawFn, *, most_steps: int = 6, most_questions: int = 4) -> Story:
    zone = draw(st.sampled_from(sorted(CHANGES)))
    middle = datetime.fromisoformat(CHANGES[zone])
    first = Step("store", draw(st.lists(events(middle), min_size=5, max_size=15)))
    following = draw(st.lists(steps(middle), max_size=most_steps - 1))
    asked = draw(st.lists(questions(middle), min_size=1, max_size=most_questions))
    return Story(zone, draw(st.booleans()), [first, *following], [EVERYTHING, *asked])
