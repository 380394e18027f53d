"""Random stories of all that may happen to events: every answer equals a count by hand.

Events come by both kinds of key through the door and the drain, from people, bots and people who
ask not to be followed, with ids sent twice, in time and late; they are compacted, copied, counted
anew and erased in any order. The count by hand reads the stored documents and is plain Python.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import waiting_key
from analytics.events.ids import event_ids_of
from analytics.events.invalid_event import InvalidEvent
from analytics.rollups import BOT, DIMENSIONS, PAGEVIEW
from analytics.rollups.calendar import month_of
from ingestion.drain.loop import drain
from ingestion.letters.replay import find_open, replay_letters
from ingestion.store import prepare
from tests.conftest import Api, TestProject, make_project
from tests.pages import Page, make_public_key
from tests.upkeep.erasure.erasures import erase
from upkeep.ledger.check import check_ledger
from upkeep.ledger.lines import read_ledger
from upkeep.rollups.compaction import compact_day, compact_summaries
from upkeep.rollups.copies import build_days, build_months
from upkeep.verify.rebuild import rebuild_day
from upkeep.verify.verify import verify_day, verify_month

pytestmark = pytest.mark.slow

NOW = timedelta(0)
DAYS = 5
ZONES = ["UTC", "Asia/Kathmandu", "America/New_York"]
SWITCHES: list[dict[str, Any]] = [
    {"leaves_out_bots": False, "tidies_addresses": False, "honours_do_not_track": False},
    {
        "leaves_out_bots": True, "tidies_addresses": True, "honours_do_not_track": True,
        "hostnames": ["example.org"], "time_zone": "Asia/Kathmandu",
    },
]  # fmt: skip
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "python-requests/2.31.0",
    "",
]

Sent = dict[str, Any]
Count = tuple[int, int, int, int]  # views, events, users, visitors


class Story:
    """A project, its keys, and what was sent of it so far."""

    def __init__(self, seed: int, switches: dict[str, Any]) -> None:
        self.chance = random.Random(seed)
        self.project: TestProject = make_project(f"Story {seed}", **switches)
        self.neighbour = make_project(f"Neighbour {seed}")
        self.key = make_public_key(self.project)
        self.read = Api(self.project.read_key)
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.begin = today - timedelta(days=DAYS - 1)
        self.sent: dict[tuple[bool, str], None] = {}  # by a public key, id
        self.accepted = 0

    def make_event(self, *, public: bool) -> Sent:
        chance, now = self.chance, datetime.now(UTC)
        event: Sent = {
            "eventId": f"e{chance.randrange(60)}",
            "event": chance.choice([PAGEVIEW, PAGEVIEW, "signup"]),
            "path": f"/{chance.randrange(4)}?utm_source=s{chance.randrange(2)}",
        }
        if chance.random() < 0.4:
            host = chance.choice(["example.org", "www.example.org", "mirror.example"])
            event |= {"url": f"https://{host}/{chance.randrange(4)}#top"}
            if chance.random() < 0.5:
                del event["path"]
        if chance.random() < 0.8:
            back = timedelta(minutes=chance.uniform(0, 23 * 60 if public else DAYS * 1_440 - 1_440))
            moment = now - back
            if chance.random() < 0.3:
                moment = moment.replace(minute=chance.choice([0, 15, 30]), second=0, microsecond=0)
            event["timestamp"] = max(moment, self.begin).isoformat()
        if chance.random() < 0.5:
            event["userId"] = f"u{chance.randrange(6)}"
        if chance.random() < 0.1:
            event["automation"] = True
        if chance.random() < 0.2:
            event["referrer"] = chance.choice(["https://www.google.com/", "https://example.org/a"])
        if not public and chance.random() < 0.5:
            event |= {"userAgent": chance.choice(AGENTS), "ip": f"203.0.113.{chance.randrange(5)}"}
        return event

    def send(self) -> None:
        chance, public = self.chance, self.chance.random() < 0.6
        events = [self.make_event(public=public) for _ in range(chance.choice([1, 3, 12]))]
        if public and chance.random() < 0.3:
            seconds = chance.choice([-3_600, 90])
            events[0]["sentAt"] = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        headers = {"HTTP_USER_AGENT": chance.choice(AGENTS)}
        if chance.random() < 0.3:
            headers |= {"HTTP_DNT": "1"}
        if public:
            page = Page(self.key, f"198.51.100.{chance.randrange(4)}")
            answer = page.send_many(events, **headers)
        else:
            answer = Api(self.project.ingest_key).post("/events", events, **headers)
        if answer.status_code == 400:
            return
        assert answer.status_code == 202, answer.content
        refused = {item["index"] for item in answer.json()["rejected"]}
        for index, event in enumerate(events):
            if index not in refused:
                self.accepted += 1
                self.sent[public, event["eventId"]] = None

    def bother(self) -> None:
        Api(self.neighbour.ingest_key).post("/events", [self.make_event(public=False)])

    def bury(self) -> None:
        """Have the drain refuse what comes next, of nobody whom an erasure may name."""
        drain(0)
        event = self.make_event(public=True)
        event.pop("userId", None)
        headers = {"HTTP_DNT": "1"} if self.chance.random() < 0.3 else {}
        if Page(self.key).send(event, **headers).status_code == 202:
            self.accepted += 1
            self.sent[True, event["eventId"]] = None
        with patch.object(prepare, "decode_events", refuse_all):
            drain(0)

    def replay(self) -> None:
        found = find_open(self.project.id)
        self.accepted += replay_letters(found, "a story", "mended").replayed

    def erase(self) -> None:
        drain(0)
        erase(self.project, f"u{self.chance.randrange(6)}")

    def step(self) -> None:
        day = int(self.begin.timestamp()) // 86_400 + self.chance.randrange(DAYS)
        steps: list[Callable[[], object]] = [
            self.send, self.send, self.send, self.bother, lambda: drain(0), lambda: drain(0),
            compact_summaries, lambda: compact_day(self.project.id, day),
            lambda: build_days(quiet=NOW), lambda: build_months(quiet=NOW),
            lambda: rebuild_day(self.project.id, day), self.erase, self.bury, self.replay,
        ]  # fmt: skip
        self.chance.choice(steps)()

    def documents(self) -> list[Document]:
        found = list(collection(mongo.EVENTS).find({"project": self.project.id}))
        return [document for document in found if "erased" not in document]

    def make_window(self) -> tuple[datetime, datetime]:
        """Ends on a day, on a bucket, or anywhere."""
        ends = []
        for _ in range(2):
            moment = self.begin + timedelta(minutes=self.chance.uniform(-60, DAYS * 1_440))
            moment = moment.replace(second=0, microsecond=0)
            if self.chance.random() < 0.5:
                moment = moment.replace(minute=self.chance.choice([0, 15]))
            if self.chance.random() < 0.4:
                moment = moment.replace(hour=0, minute=0)
            ends.append(moment)
        return min(ends), max(ends) + timedelta(minutes=1)


def refuse_all(raws: Sequence[bytes]) -> list[InvalidEvent]:
    return [InvalidEvent("path", "not_today", "This release refuses it.")] * len(raws)


def is_asked_for(document: Document, bots: str) -> bool:
    return bots == "true" or (BOT in document) == (bots == "only")


def count(documents: Iterable[Document]) -> Count:
    found = list(documents)
    return (
        sum(document["event"] == PAGEVIEW for document in found),
        len(found),
        len({document["userId"] for document in found if "userId" in document}),
        len({document["visitor"] for document in found if "visitor" in document}),
    )


def read_count(row: dict[str, Any]) -> Count:
    return row["views"], row["events"], row["users"], row["visitors"]


def within(documents: Iterable[Document], start: datetime, end: datetime) -> list[Document]:
    return [found for found in documents if start <= found["timestamp"] < end]


def assert_answers(story: Story) -> None:
    chance, (start, end) = story.chance, story.make_window()
    field, exact = chance.choice((*DIMENSIONS, BOT)), chance.choice(["true", "false"])
    window = {"start": start.isoformat(), "end": end.isoformat(), "exact": exact}
    stored = within(story.documents(), start, end)
    default = "false" if story.project.row.leaves_out_bots else "true"
    for asked in ("true", "false", "only", None):
        bots = {} if asked is None else {"bots": asked}
        wanted = [found for found in stored if is_asked_for(found, asked or default)]
        views, _, users, visitors = count(wanted)
        stats = ask(story, "/stats", **window, **bots, limit=100)
        assert (stats["totalViews"], stats["uniqueUsers"], stats["visitors"]) == (
            views, users, visitors,
        ), (window, asked)  # fmt: skip
        paths = group(wanted, "path")
        top = {row["path"]: row["count"] for row in stats["topPaths"]}
        assert top == {path: found[0] for path, found in paths.items() if found[0]}
    for asked in ("true", "false", "only"):
        wanted = [found for found in stored if is_asked_for(found, asked)]
        rows = ask(story, "/stats/breakdown", **window, by=field, bots=asked, limit=100)
        assert {row["value"]: read_count(row) for row in rows["results"]} == group(wanted, field)
        by_user = ask(story, "/stats/breakdown", **window, by="userId", bots=asked, limit=100)
        assert {row["value"]: read_count(row) for row in by_user["results"]} == group(
            wanted, "userId"
        )
        signups = ask(story, "/stats", **window, bots=asked, filter="event:is:signup")
        _, _, people, visitors = count(of for of in wanted if of["event"] == "signup")
        assert (signups["uniqueUsers"], signups["visitors"]) == (people, visitors)
        assert_series(story, wanted, window, asked)


def assert_series(
    story: Story, wanted: Sequence[Document], window: dict[str, str], bots: str
) -> None:
    interval, zone = story.chance.choice(["hour", "day", "week"]), story.chance.choice(ZONES)
    given = {"interval": interval, "timezone": zone, "bots": bots}
    points = ask(story, "/stats/timeseries", **window, **given)["series"]
    starts = [datetime.fromisoformat(point["start"]) for point in points]
    # The first and the last interval are cut by the window.
    starts.append(datetime.max.replace(tzinfo=UTC))
    counted = [count(within(wanted, begin, end)) for begin, end in pairwise(starts)]
    assert [read_count(point) for point in points] == counted


def group(documents: Iterable[Document], field: str) -> dict[str, Count]:
    groups: defaultdict[str, list[Document]] = defaultdict(list)
    for document in documents:
        if field in document:
            groups[document[field]].append(document)
    return {value: count(found) for value, found in groups.items()}


def ask(story: Story, path: str, **query: Any) -> dict[str, Any]:
    answer = story.read.get(path, **query)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("switches", SWITCHES, ids=["before", "new"])
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(1, 8))]
)
def test_whatever_comes_and_happens_every_answer_is_what_a_count_by_hand_says(
    store: None, seed: int, switches: dict[str, Any], settings: Any
) -> None:
    settings.REPORTING_RATE = "100000/m"
    story = Story(seed, switches)
    for _ in range(30):
        story.step()
        assert_answers(story)
    drain(0)
    story.replay()
    drain(0)
    assert_answers(story)

    # With the tombstones of what was erased: an id counts once, by each kind of key.
    conditions = {"$or": list(event_ids_of(story.project.id))}
    assert collection(mongo.EVENTS).count_documents(conditions) == len(story.sent)
    assert check_ledger(story.project.id, wait_seconds=0).wrong == []
    assert sum(line.accepted for line in read_ledger(story.project.id)) == story.accepted
    assert stream_client().hgetall(waiting_key(0)) == {b"total": b"0"}
    first = int(story.begin.timestamp()) // 86_400
    for day in range(first - 1, first + DAYS + 1):
        assert verify_day(story.project.id, day) == []
    for month in {month_of(first - 1), month_of(first + DAYS)}:
        assert verify_month(story.project.id, month) == []
