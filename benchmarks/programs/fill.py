"""A backlog, as POST /event leaves it.

    python -m benchmarks.programs.fill EVENTS [PROJECTS [SHARED]]

Runs the admission script itself, with SHARED requests in each call, many calls in one write, in a
process that has the service's settings. Paths, users and user agents repeat as on a busy site. More
projects than one are made up.
"""

import random
import sys

import django
import msgspec

django.setup()

from analytics.databases import redis_clients as names
from analytics.events.entry import AcceptedEvent, Part, encode_part
from analytics.events.ids import (
    make_event_id,
    now_ms,
)
from analytics.projects.models import Project
from ingestion.accept.plan import encode_section, find_call
from ingestion.stream.answers import Argument
from ingestion.stream.connection import StreamConnection
from ingestion.stream.scripts import ADMIT

WRITE_CALLS = 50

USER_AGENTS = [
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major} Safari/537.36"
    for system in ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux")
    for major in range(120, 130)
]


def make_raw(rng: random.Random) -> bytes:
    return msgspec.json.encode(
        {
            "userId": f"user_{rng.randrange(5_000)}",
            "sessionId": f"sess_{rng.randrange(20_000)}",
            "path": f"/product/{int(rng.paretovariate(1.1)) % 500}",
            "properties": {"referrer": f"https://site{rng.randrange(30)}.example/x", "n": 1},
        }
    )


def make_request(rng: random.Random, project_id: bytes, raw: bytes) -> bytes:
    """The part of a single event."""
    accepted = AcceptedEvent(make_event_id(now_ms()), raw)
    address = f"203.0.{rng.randrange(256)}.{rng.randrange(256)}"
    agent = rng.choice(USER_AGENTS)  # of a browser, which is told more of than of a program
    return encode_part(Part(project_id, address, agent, [accepted], from_page=True))


def fill(events: int, projects: int = 1, shared: int = 1) -> None:
    rng = random.Random(1)
    project = Project.objects.order_by("created_at").first()
    assert project
    partition = project.partition
    project_ids = [project.id_bytes, *(rng.randbytes(8) for _ in range(projects - 1))]
    head = find_call(partition, 10**9, "202601")
    raws = [make_raw(rng) for _ in range(20_000)]
    connection = StreamConnection(names.stream_client())
    connection.exchange([("SCRIPT", "LOAD", ADMIT.source)])
    left = events
    while left:
        calls = []
        for _ in range(WRITE_CALLS):
            project_id = rng.choice(project_ids)
            call: list[Argument] = ["EVALSHA", ADMIT.digest, len(head.keys), *head.keys]
            requests = min(shared, left)
            call += (*head.arguments, *encode_section((10**9, 10**9, -1), project_id.hex(), "fill"))
            call.append(requests)
            for _ in range(requests):
                call += (1, 1, make_request(rng, project_id, rng.choice(raws)))
            left -= requests
            calls.append(tuple(call))
            if not left:
                break
        for replies in connection.exchange(calls):
            assert all(reply[0] == 0 for reply in replies), replies
    connection.close()


if __name__ == "__main__":
    fill(*map(int, sys.argv[1:]))
