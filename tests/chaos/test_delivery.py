"""What is delivered: poison, the same batch twice at once, an event that kills, dead letters."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from analytics.databases.mongo import DEAD_LETTERS, collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import GROUP, stream_key
from analytics.events.entry import AcceptedEvent
from ingestion.accept.admit import Sender, admit
from ingestion.letters.letter import DEAD, REPLAYED
from ingestion.letters.replay import CHUNK_LETTERS
from ingestion.stream.entries import MAX_SHARED_DELIVERIES
from local.run import REPOSITORY
from tests.chaos.evidence.load import Load, Sent
from tests.chaos.system import wait_for
from tests.chaos.trial import Chaos, wait_until_stored
from tests.poison import record_of

pytestmark = pytest.mark.chaos

BATCH_EVENTS = 101
SENDERS = 8
LETTERS = 250
FAULTY_SECONDS = 20.0


def test_poison_in_the_middle_of_a_batch(chaos: Chaos) -> None:
    """The door refuses such events, so these are appended behind it."""
    with chaos.under_load("20 batches of 101 events, one of each is poison") as load:
        for batch in range(20):
            events = [make_event(f"batch-{batch}-{n}") for n in range(BATCH_EVENTS)]
            events[BATCH_EVENTS // 2].body["properties"] = {"a\0b": 1}
            append(load, events)


def test_the_same_batch_twice_at_once(chaos: Chaos) -> None:
    with chaos.under_load("20 batches of 101 events, each sent by 8 senders at once") as load:
        for batch in range(20):
            events = [make_event(f"batch-{batch}-{n}") for n in range(BATCH_EVENTS)]
            threads = [
                threading.Thread(target=load.send_once, args=(events,)) for _ in range(SENDERS)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()


def test_an_event_that_kills_its_worker(chaos: Chaos) -> None:
    """It waits for a release that can handle it, and holds up nothing else."""
    fault = "an event that kills each process that prepares it"
    fragile = chaos.system.another_worker("tests.chaos.faults.fragile_worker")
    with chaos.under_load(fault) as load, fragile:
        append(load, [make_event("deadly", path="/deadly")])
        wait_for(lambda: count_most_deliveries() > MAX_SHARED_DELIVERIES, 60, "it kills again")
        wait_until_stored(load, "what came after it", 20)


def test_errors_pauses_and_deaths_at_random(chaos: Chaos) -> None:
    faulty = chaos.system.another_worker("tests.chaos.faults.faulty_worker")
    again = [make_event(f"again-{number}") for number in range(500)]
    with chaos.under_load("errors, pauses and deaths at random steps, 20 s") as load, faulty:
        end = time.monotonic() + FAULTY_SECONDS
        while time.monotonic() < end:
            load.send_once(random.sample(again, 50))
            poison = make_event(f"poison-{time.monotonic_ns()}")
            poison.body["properties"] = {"a\0b": 1}
            append(load, [poison])


def test_a_replay_of_dead_letters_that_is_killed_half_way(chaos: Chaos) -> None:
    """Appended and not marked, a chunk is replayed again: its events are stored already."""
    burying = chaos.system.another_worker("tests.chaos.faults.burying_worker")
    with chaos.under_load("replay of 250 dead letters, SIGKILL half-way, then again") as load:
        project = load.project.id.hex()
        events = [make_event(f"buried-{number}", path="/buried") for number in range(LETTERS)]
        with burying:
            append(load, events)
            wait_for(lambda: count_letters(load, DEAD) == LETTERS, 60, "they are buried")

        command = [sys.executable, "-m", "tests.chaos.faults.dying_replay", project]
        killed = subprocess.run(command, cwd=REPOSITORY, check=False)
        assert killed.returncode == -signal.SIGKILL
        assert count_letters(load, DEAD) == LETTERS - CHUNK_LETTERS
        call_command("replay_dead_letters", project=project, stdout=StringIO())
        assert count_letters(load, REPLAYED) == LETTERS
        for event in events:
            event.attempts += 2  # at most


def count_letters(load: Load, status: str) -> int:
    query = {"project": load.project.id, "status": status}
    return collection(DEAD_LETTERS).count_documents(query)


def count_most_deliveries() -> int:
    pending: Any = stream_client().xpending_range(stream_key(0), GROUP, "-", "+", 1_000)
    return max((item["times_delivered"] for item in pending), default=0)


def make_event(mark: str, path: str = "/batch") -> Sent:
    return Sent(mark, {"path": path, "sessionId": mark, "eventId": mark})


def append(load: Load, events: Sequence[Sent]) -> None:
    """As an accepted request, without asking the door."""
    accepted = [AcceptedEvent(event.mark, json.dumps(event.body).encode()) for event in events]
    load.register(events)
    admit(Sender(record_of(load.project), "203.0.113.9", None), accepted)
    for event in events:
        event.attempts = event.accepted = 1
