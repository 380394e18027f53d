"""A drain that finds few events waits for more, and nobody is signalled meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings

from analytics.databases.mongo import LEDGER_SUMMARIES, collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import DRAINING, wake_key
from ingestion.accept import admit
from ingestion.drain import patience
from ingestion.drain.loop import drain
from ingestion.drain.patience import LINGER_SECONDS, Patience
from ingestion.stream.consumers import this_consumer
from ingestion.stream.entries import MAX_SHARED_DELIVERIES
from tests.conftest import Api, TestProject
from tests.drain.test_drain_faults import hand_over

EVENT = {"path": "/a"}
BUDGET_SECONDS = 30.0


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The partitions that accepting has signalled."""
    partitions: list[int] = []
    monkeypatch.setattr(admit, "signal_drain", partitions.append)
    return partitions


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What happens while a drain waits, one in each wait; the waits themselves take no time."""
    happens: list[Callable[[], object]] = []

    def wait(seconds: float) -> None:
        if happens:
            happens.pop(0)()

    monkeypatch.setattr(patience, "sleep", wait)
    return happens


def test_the_first_event_waits_for_nothing_and_the_next_ones_for_each_other(
    project: TestProject,
    ingest: Api,
    signalled: list[int],
    meanwhile: list[Callable[[], object]],
) -> None:
    ingest.post("/event", EVENT)
    meanwhile.append(lambda: [ingest.post("/event", EVENT) for _ in range(5)])

    result = drain(0, BUDGET_SECONDS, patient=True)

    assert (result.stored, result.work_left) == (6, False)
    assert collection(LEDGER_SUMMARIES).count_documents({}) == 2  # one of each transaction
    assert signalled == [0]  # by the first


def test_few_are_waited_for_longer_than_many(monkeypatch: pytest.MonkeyPatch, store: None) -> None:
    waits: list[float] = []
    now = 100.0

    def wait(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds

    monkeypatch.setattr(patience, "sleep", wait)
    monkeypatch.setattr(patience, "monotonic", lambda: now)
    one = Patience(0, patient=True)
    one.begin()
    for events in (1, 4, 100, 25, 500):
        one.wait_for_more(events)
    monkeypatch.setattr(patience, "sleep", waits.append)
    Patience(0, patient=False).wait_for_more(1)

    most = django_settings.DRAIN_PATIENCE_SECONDS
    assert waits[:3] == [most, most, pytest.approx(most / 2)]
    assert waits[3:] == [pytest.approx(most), LINGER_SECONDS, LINGER_SECONDS]


def test_a_drain_that_is_killed_while_it_waits_keeps_signals_off_for_two_seconds(
    project: TestProject, ingest: Api, meanwhile: list[Callable[[], object]]
) -> None:
    flags: list[tuple[Any, int]] = []

    def look() -> None:
        key, client = wake_key(0), stream_client()
        flags.append((client.get(key), client.pttl(key)))

    ingest.post("/event", EVENT)
    meanwhile.append(look)

    drain(0, BUDGET_SECONDS, patient=True)

    [(flag, left_ms)] = flags
    assert flag == DRAINING
    assert 0 < left_ms <= 2_000


@pytest.mark.parametrize("is_flag_gone", [False, True])
def test_what_comes_around_the_last_read_is_read_or_signalled(
    project: TestProject,
    ingest: Api,
    signalled: list[int],
    meanwhile: list[Callable[[], object]],
    monkeypatch: pytest.MonkeyPatch,
    is_flag_gone: bool,
) -> None:
    let_others_signal = Patience.let_others_signal
    posts = [EVENT]

    def post_around(one: Patience) -> None:
        if is_flag_gone:
            let_others_signal(one)
        if posts:
            assert ingest.post("/event", posts.pop()).status_code == 202
        if not is_flag_gone:
            let_others_signal(one)

    monkeypatch.setattr(Patience, "let_others_signal", post_around)

    assert drain(0, BUDGET_SECONDS, patient=True).stored == 1
    assert signalled == ([0] if is_flag_gone else [])


def test_an_event_after_a_drain_signals_the_next(
    project: TestProject,
    ingest: Api,
    signalled: list[int],
    meanwhile: list[Callable[[], object]],
) -> None:
    for _ in range(2):
        ingest.post("/event", EVENT)
        drain(0, BUDGET_SECONDS, patient=True)

    assert signalled == [0, 0]


def test_nobody_waits_for_more_who_has_more_in_hand(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that were delivered again and again are stored one by one."""
    waits: list[float] = []
    monkeypatch.setattr(patience, "sleep", waits.append)
    for _ in range(5):
        ingest.post("/event", EVENT)
    hand_over(str(this_consumer()), deliveries=MAX_SHARED_DELIVERIES + 1, idle_ms=0)

    assert drain(0, BUDGET_SECONDS, patient=True).stored == 5
    assert len(waits) == 1
