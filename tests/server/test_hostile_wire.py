"""Hostile requests, byte for byte, and the one answer to each (`tests/hostile/cases.py`)."""

import random
import re

import pytest

from analytics.databases.mongo import EVENTS, collection
from ingestion.drain.loop import drain
from tests.conftest import TestProject, make_project
from tests.hostile.cases import Case, all_cases
from tests.hostile.mutations import mutate
from tests.processes import find_children, read_cpu_seconds
from tests.service import Answer, Gunicorn, build_request
from upkeep.ledger.lines import read_ledger

pytest_plugins = ("tests.service",)

pytestmark = pytest.mark.slow

MOST_CPU_SECONDS = 5.0  # by the clock it may take longer, on a machine that does much else
MUTATIONS = 1_500
MAX_MUTATED_BYTES = 3_000
HARMLESS = build_request("GET", "/healthz")


@pytest.fixture(scope="module")
def keys(served: TestProject) -> dict[bytes, bytes]:
    """What the placeholders in a request stand for."""
    other = make_project("Other")
    texts = {
        "ingest": served.ingest_key,
        "read": served.read_key,
        "admin": served.admin_key,
        "other": other.ingest_key,
    }
    return {b"{%s}" % name.encode(): text.encode() for name, text in texts.items()}


def fill_in(request: bytes, keys: dict[bytes, bytes]) -> bytes:
    for placeholder, text in keys.items():
        request = request.replace(placeholder, text)
    return request


def send(gunicorn: Gunicorn, case: Case, keys: dict[bytes, bytes]) -> Answer:
    request = fill_in(case.request, keys)
    with gunicorn.connect() as wire:
        # The plain ones after the first request of a connection are read by another parser.
        wire.send(HARMLESS)
        assert wire.read_answer("GET").status == 200
        try:
            wire.send(request)
            if case.ends:
                wire.end_sending()
        except (BrokenPipeError, ConnectionResetError):
            pass  # answered and closed before all of it was sent
        return wire.read_answer(request.split(b" ", 1)[0].decode("latin-1"))


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_a_hostile_request_gets_its_one_answer(
    gunicorn: Gunicorn, keys: dict[bytes, bytes], case: Case
) -> None:
    workers = find_children(gunicorn.pid)
    used_before = read_cpu_seconds(*workers)
    answer = send(gunicorn, case, keys)

    assert answer.status == case.status, answer.body[:500]
    if case.code:
        assert answer.code == case.code, answer.body[:500]
    assert read_cpu_seconds(*workers) - used_before < MOST_CPU_SECONDS
    for text in keys.values():
        assert text not in answer.body


def test_no_mutation_of_a_request_breaks_the_service(
    gunicorn: Gunicorn, keys: dict[bytes, bytes]
) -> None:
    rng = random.Random(1)
    requests = [case.request for case in all_cases() if len(case.request) < MAX_MUTATED_BYTES]
    answers = 0
    for _ in range(MUTATIONS):
        request = mutate(fill_in(rng.choice(requests), keys), rng)
        with gunicorn.connect() as wire:
            if rng.random() < 0.5:
                wire.send(HARMLESS)
                assert wire.read_answer("GET").status == 200
            wire.send(request)
            wire.end_sending()
            received = b""
            while data := wire.socket.recv(65_536):
                received += data
        answers += received.startswith(b"HTTP/1.")
        assert not re.match(rb"HTTP/1\.[01] 5", received), (request, received[:500])
    assert answers > MUTATIONS * 0.9  # the others ended before there was a request


def test_what_was_accepted_is_stored_and_the_books_balance(served: TestProject) -> None:
    while drain(0).work_left:
        pass

    lines = read_ledger(served.id)
    assert sum(line.accepted for line in lines) > 50
    assert all(line.difference == line.waiting == line.dead == 0 for line in lines)
    stored = collection(EVENTS).count_documents({"project": served.id})
    assert stored == sum(line.stored for line in lines)


def test_no_key_and_no_traceback_is_in_the_log(
    gunicorn: Gunicorn, keys: dict[bytes, bytes]
) -> None:
    log = gunicorn.read_log()

    assert "Traceback" not in log
    for text in keys.values():
        assert text.decode() not in log
