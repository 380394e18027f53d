"""Fill MongoDB by the drain's own writer.

    python -m benchmarks.programs.load_events EVENTS PART PARTS

EVENTS events over the last twelve months, in the order of time, in batches of 4,000; this process
writes one PART of PARTS. With PART `rollups` it compacts what the others have written. A further
word `distinct` gives each event a path of its own, `campaigns` a campaign as well; `varied` has
them come in visits from several countries and say more in their properties, and leaves nothing for
rollups; `today` has such events of today alone.
"""

import itertools
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import django
import msgspec

django.setup()

from analytics.events.entry import (
    AcceptedEvent,
    Entry,
    Part,
)
from analytics.events.ids import (
    EntryId,
    make_event_id,
    now_ms,
)
from analytics.projects.models import Project
from benchmarks.programs.fill import USER_AGENTS
from ingestion.store import transaction
from ingestion.store.prepare import prepare
from ingestion.stream.entries import ReadEntry
from upkeep.rollups.compaction import compact_summaries
from upkeep.rollups.copies import (
    build_days,
    build_months,
)

PATHS = 2_000
USERS = 100_000
CAMPAIGNS = 50_000
SPAN = timedelta(days=365)
BATCH = 4_000
PARTS_OF_BATCH = 20
PLANS = ("free", "free", "free", "pro", "team")
NETWORKS = (
    "203.0.113",
    "5.9.1",
    "5.9.2",
    "8.8.8",
    "8.8.4",
    "81.2.69",
    "90.1.2",
    "126.1.1",
    "200.147.3",
)
NOT_QUIET = timedelta(0)
PAUSE = timedelta(minutes=2)  # on average between two events of a visit
EVENTS_OF_VISIT = 4  # on average


def make_events(rng: random.Random, times: Iterator[datetime]) -> Iterator[bytes]:
    for moment in times:
        yield msgspec.json.encode(
            {
                "timestamp": moment,
                "userId": _pick_user(rng),
                "path": f"/page/{min(PATHS, int(rng.paretovariate(0.9)))}",
                "event": "pageview" if rng.random() < 0.9 else "signup",
                "properties": {"referrer": f"https://site{rng.randrange(40)}.example/x"},
            }
        )


def make_varied(rng: random.Random, times: Iterator[datetime], step: timedelta) -> Iterator[bytes]:
    """Of so many people at once that each does something every PAUSE or so."""
    present = [_pick_user(rng) for _ in range(max(2, round(PAUSE / step)))]
    for moment in times:
        at = rng.randrange(len(present))
        yield msgspec.json.encode(
            {
                "timestamp": moment,
                "userId": present[at],
                "path": f"/page/{min(PATHS, int(rng.paretovariate(0.9)))}",
                "event": "pageview" if rng.random() < 0.9 else "purchase",
                "referrer": f"https://site{rng.randrange(40)}.example/x",
                "properties": {
                    "plan": rng.choice(PLANS),
                    "amount": rng.randrange(2_000) / 4,
                    "variant": rng.randrange(20),
                },
            }
        )
        if rng.random() < 1 / EVENTS_OF_VISIT:
            present[at] = _pick_user(rng)


def _pick_user(rng: random.Random) -> str:
    return f"user_{int(rng.random() ** 2 * USERS)}"


def make_distinct(events: int, campaigns: int = 0) -> Iterator[bytes]:
    """One day in which every event has a path of its own, but for the ten at the top."""
    start = datetime.now(UTC) - timedelta(days=3)
    for n in range(events):
        top = n % 1_000 < 10
        path = f"/top/{n % 10}" if top else f"/article/{n}/a-title-of-the-usual-length"
        moment = start + timedelta(days=1) * (n / events)
        event = {"timestamp": moment, "userId": f"u{n % 50_000}", "path": path}
        if campaigns:
            event["properties"] = {"utm_campaign": f"campaign-{n % campaigns}"}
        yield msgspec.json.encode(event)


def load(events: int, part: int, parts: int, kind: str = "usual") -> None:
    rng = random.Random(part)
    project = Project.objects.order_by("created_at").first()
    assert project
    end = datetime.now(UTC)
    start = (
        end.replace(hour=0, minute=0, second=0, microsecond=0) if kind == "today" else end - SPAN
    )
    step = (end - start) / events
    first, last = events * part // parts, events * (part + 1) // parts
    times = (start + step * n for n in range(first, last))
    is_varied = kind in ("varied", "today")
    raws = make_varied(rng, times, step) if is_varied else make_events(rng, times)
    if is_varied:
        vars(transaction)["insert_summaries"] = lambda session, new: None  # these take a fifth
    if kind in ("distinct", "campaigns"):
        raws = make_distinct(events, CAMPAIGNS if kind == "campaigns" else 0)
    for sequence in itertools.count(1):
        batch = list(itertools.islice(raws, BATCH))
        if not batch:
            return
        entry_id = EntryId(now_ms(), sequence * parts + part)
        accepted = [AcceptedEvent(make_event_id(entry_id.ms), raw) for raw in batch]
        entry = Entry(list(share(rng, project.id_bytes, accepted, kind)))
        raw_id = f"{entry_id.ms}-{entry_id.sequence}".encode()
        transaction.write_batch(0, prepare([ReadEntry(raw_id, entry_id, entry, 1)]))


def share(
    rng: random.Random, project_id: bytes, accepted: list[AcceptedEvent], kind: str
) -> Iterator[Part]:
    """The events of one batch by who brought them: varied ones come from several networks."""
    is_varied = kind in ("varied", "today")
    parts, networks = (PARTS_OF_BATCH, NETWORKS) if is_varied else (1, NETWORKS[:1])
    for at in range(parts):
        address = f"{rng.choice(networks)}.{rng.randrange(256)}"
        agent = rng.choice(USER_AGENTS)
        yield Part(project_id, address, agent, accepted[at::parts], from_page=True)


def compact() -> None:
    while compact_summaries():
        pass
    while build_days(NOT_QUIET):
        pass
    while build_months(NOT_QUIET):
        pass


if __name__ == "__main__":
    if sys.argv[2] == "rollups":
        compact()
    else:
        events, part, parts = map(int, sys.argv[1:4])
        load(events, part, parts, *sys.argv[4:])
