"""What public keys are held to beside what every key is: a quota, half of the stream, addresses."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import addresses_key, usage_key, waiting_key
from analytics.keys.rates import read_public_rate
from analytics.projects.models import ApiKey
from analytics.projects.usage import read_key_usage, read_project_usage
from ingestion.accept import cells
from ingestion.accept.cells import CELLS, find_cell
from ingestion.accept.plan import encode_section
from ingestion.drain.loop import drain
from ingestion.stream.memory import forget_memory
from ingestion.stream.scripts import ADMIT, run_script
from tests.accept.test_admission import snapshot
from tests.accept.test_post_event import read_parts, read_problem
from tests.conftest import Api, TestProject
from tests.pages import ADDRESS, Page, make_public_key, set_rules

EVENT = {"path": "/a"}
OTHER_ADDRESS = "198.51.100.8"
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US


@pytest.fixture(autouse=True)
def slow_addresses(settings: LazySettings) -> None:
    """An event each 36 seconds, so that nothing comes back while a test runs; 200 at once."""
    settings.PUBLIC_RATE = "100/h"


@pytest.fixture
def key(project: TestProject) -> ApiKey:
    return make_public_key(project)


def read_waiting() -> dict[bytes, bytes]:
    client: Any = stream_client()
    return dict(client.hgetall(waiting_key(0)))


def use_up(key: ApiKey, ip: str = ADDRESS) -> None:
    """Send all that an address may send at once."""
    assert Page(key, ip).send_many([EVENT] * 200).status_code == 202


# --- An address ----------------------------------------------------------------------------------


def test_an_address_over_its_rate_is_told_when_to_come_back(key: ApiKey) -> None:
    use_up(key)

    answer = Page(key).send({**EVENT, "eventId": "mine"})

    problem = read_problem(answer)
    assert (answer.status_code, problem["code"]) == (429, "over_address_rate")
    assert problem["eventId"] == "mine"
    assert 30 < int(answer["Retry-After"]) <= 36
    assert Page(key, OTHER_ADDRESS).send(EVENT).status_code == 202
    # With the time it may send again.
    stream_client().hincrby(addresses_key(0, key.id), find_cell(ADDRESS).decode(), -36 * SECOND_US)
    assert Page(key).send(EVENT).status_code == 202


def test_an_address_takes_nothing_from_the_others_when_it_is_refused(key: ApiKey) -> None:
    use_up(key)

    refused = Page(key).send_many([EVENT] * 200)

    assert int(refused["RateLimit"].removeprefix('"key";r=').partition(";")[0]) >= 800
    assert Page(key, OTHER_ADDRESS).send_many([EVENT] * 200).status_code == 202


def test_more_events_than_an_address_may_ever_send_at_once_are_too_large(key: ApiKey) -> None:
    """To wait would not help: only a smaller request does."""
    answer = Page(key).send_many([EVENT] * 201)

    problem = read_problem(answer)
    assert (answer.status_code, problem["code"]) == (413, "over_burst")
    assert "200" in problem["detail"]
    assert len(problem["eventIds"]) == 201
    assert Page(key).send_many([EVENT] * 200).status_code == 202


def test_an_address_has_an_allowance_with_each_key(key: ApiKey, project: TestProject) -> None:
    use_up(key)

    assert Page(make_public_key(project, "other")).send(EVENT).status_code == 202


def test_a_secret_key_sends_from_an_address_what_it_likes(ingest: Api) -> None:
    assert ingest.post("/events", [EVENT] * 1_000).status_code == 202
    assert stream_client().keys("*:addresses:*") == []


def test_a_clock_that_went_back_does_not_lock_an_address_out(key: ApiKey) -> None:
    use_up(key)
    field = find_cell(ADDRESS).decode()
    stream_client().hincrby(addresses_key(0, key.id), field, HOUR_US)
    assert Page(key).send(EVENT).status_code == 429

    stream_client().hincrby(addresses_key(0, key.id), field, -50 * 36 * SECOND_US)

    assert Page(key).send_many([EVENT] * 50).status_code == 202


def test_an_ipv6_network_is_one_address(key: ApiKey) -> None:
    use_up(key, "2001:db8::1")

    assert Page(key, "2001:db8::2").send(EVENT).status_code == 429
    assert Page(key, "2001:db8:0:1::2").send(EVENT).status_code == 202


def test_the_rate_of_an_address_is_a_setting(key: ApiKey, settings: LazySettings) -> None:
    settings.PUBLIC_RATE = "3/h"

    statuses = [Page(key).send(EVENT) for _ in range(7)]

    assert [answer.status_code for answer in statuses] == [202] * 6 + [429]
    assert 0 < int(statuses[6]["Retry-After"]) <= 1_200


@pytest.mark.parametrize("rate", ["100", "100/w", "", "0/s"])
def test_a_rate_that_is_none_stops_the_start(settings: LazySettings, rate: str) -> None:
    settings.PUBLIC_RATE = rate

    with pytest.raises(ImproperlyConfigured, match="PUBLIC_RATE"):
        read_public_rate()


# --- What Redis keeps of addresses ---------------------------------------------------------------


def test_no_address_is_in_redis(key: ApiKey) -> None:
    Page(key).send(EVENT)
    drain(0)

    client: Any = stream_client()
    for name in client.keys("*"):
        assert ADDRESS.encode() not in name + (client.dump(name) or b"")
    [field] = client.hkeys(addresses_key(0, key.id))
    assert 0 <= int(field) < CELLS


def test_a_cell_is_of_this_deployment_alone(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    addresses = [f"192.0.2.{n}" for n in range(50)]
    here = [find_cell(address) for address in addresses]
    cells._secret.cache_clear()
    find_cell.cache_clear()
    settings.SECRET_KEY = "another"
    there = [find_cell(address) for address in addresses]
    cells._secret.cache_clear()
    find_cell.cache_clear()

    assert len(set(here)) > 40
    assert sum(one == other for one, other in zip(here, there, strict=True)) < 5


def test_the_allowances_of_addresses_go_when_they_are_whole_again(key: ApiKey) -> None:
    Page(key).send(EVENT)

    assert 0 < stream_client().pttl(addresses_key(0, key.id)) <= 7_260_000


@pytest.mark.slow
def test_a_hundred_thousand_addresses_take_no_more_memory_than_four_thousand(store: None) -> None:
    """Each in a request of its own: the table is full, and stays as it is."""
    client = stream_client()
    names = [f"analytics:flood:{name}" for name in "wasebuk"]
    limits = (10**6, 10**6, -1, -1, 100, 200)
    head: list[Any] = [10**9, 3, 100, 10**6, 202601, *encode_section(limits, "ab", "key"), 1_000]
    sizes: list[int] = []
    for round_number in range(4):
        for start in range(0, 25_000, 1_000):
            arguments = head.copy()
            for n in range(start, start + 1_000):
                arguments += [find_cell(f"10.{round_number}.{n // 256}.{n % 256}"), 1, 1, b"x"]
            replies: Any = run_script(client, ADMIT, names, arguments)
            assert {reply[0] for reply in replies} <= {0, 6}
        client.delete(names[2])
        sizes.append(client.memory_usage(names[6], samples=0) or 0)

    assert 4_000 < client.hlen(names[6]) <= CELLS
    assert 0 < sizes[3] < 600_000
    assert sizes[3] - sizes[0] < sizes[0] / 50
    client.delete(*names)


# --- The quota of public keys --------------------------------------------------------------------


def test_all_public_keys_of_a_project_share_a_quota_beside_its_own(
    key: ApiKey, project: TestProject, other_project: TestProject
) -> None:
    second = make_public_key(project, "app")
    set_rules(project, quota_events_per_month=10, public_quota_events_per_month=3)
    assert Page(key).send_many([EVENT] * 2).status_code == 202

    refused = Page(second).send_many([EVENT] * 2)

    problem = read_problem(refused)
    assert (refused.status_code, problem["code"]) == (429, "over_public_quota")
    assert 0 < int(refused["Retry-After"]) <= 31 * 86_400
    assert Page(second).send(EVENT).status_code == 202
    assert Page(make_public_key(other_project)).send(EVENT).status_code == 202
    ingest = Api(project.ingest_key)
    assert ingest.post("/events", [EVENT] * 7).status_code == 202
    assert read_problem(ingest.post("/event", EVENT))["code"] == "over_quota"
    assert read_problem(Page(key).send(EVENT))["code"] == "over_quota"


def test_a_page_leaves_a_fifth_of_the_quota_to_the_server(
    key: ApiKey, project: TestProject
) -> None:
    set_rules(project, quota_events_per_month=10)

    statuses = [Page(key).send(EVENT).status_code for _ in range(9)]

    assert statuses == [202] * 8 + [429]
    assert Api(project.ingest_key).post("/events", [EVENT] * 2).status_code == 202


def test_what_public_keys_have_used_is_no_month_and_no_key(
    key: ApiKey, project: TestProject
) -> None:
    Page(key).send(EVENT)
    Api(project.ingest_key).post("/event", EVENT)

    month = datetime.now(UTC).strftime("%Y%m")
    used = stream_client().hget(usage_key(0, month), f"{project.row.pk}:public")
    assert used == b"1"
    assert [usage.events for usage in read_project_usage(project.row)] == [2]
    assert [usage.events for usage in read_key_usage(key)] == [1]


# --- Half of the stream --------------------------------------------------------------------------


def test_public_keys_of_a_project_hold_at_most_half_of_the_stream(
    key: ApiKey, project: TestProject, other_project: TestProject, settings: LazySettings
) -> None:
    settings.STREAM_MAX_EVENTS = 10
    assert Page(key).send_many([EVENT] * 4).status_code == 202
    second = make_public_key(project, "app")

    refused = Page(second).send_many([EVENT] * 2)

    assert (refused.status_code, read_problem(refused)["code"]) == (503, "stream_full")
    assert int(refused["Retry-After"]) >= 1
    assert Page(second).send(EVENT).status_code == 202
    assert Api(project.ingest_key).post("/event", EVENT).status_code == 202
    assert Page(make_public_key(other_project)).send_many([EVENT] * 2).status_code == 202
    drain(0)
    assert Page(key).send_many([EVENT] * 5).status_code == 202


def test_public_keys_leave_half_of_the_memory_to_the_servers_however_large_their_events_are(
    key: ApiKey, project: TestProject, settings: LazySettings
) -> None:
    memory = stream_client().info("memory")
    settings.STREAM_MAX_MEMORY_RATIO = memory["used_memory"] * 1.5 / memory["maxmemory"]
    forget_memory()

    refused = Page(key).send(EVENT)

    assert (refused.status_code, read_problem(refused)["code"]) == (503, "stream_full")
    assert Api(project.ingest_key).post("/event", EVENT).status_code == 202
    settings.STREAM_MAX_MEMORY_RATIO *= 2
    forget_memory()
    assert Page(key).send(EVENT).status_code == 202


def test_the_books_know_what_waits_by_public_keys_as_no_line_of_a_day(
    key: ApiKey, project: TestProject
) -> None:
    Page(key).send_many([EVENT] * 3)
    Api(project.ingest_key).post("/event", EVENT)

    field = f"public-{project.row.pk}".encode()
    waiting = read_waiting()
    assert (waiting[field], waiting[b"total"], len(waiting)) == (b"3", b"4", 3)
    drain(0)
    assert field not in read_waiting()


# --- Refusals change nothing ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["address", "quota", "stream"])
def test_a_refusal_leaves_redis_as_it_was(
    key: ApiKey, project: TestProject, settings: LazySettings, kind: str
) -> None:
    if kind == "quota":
        set_rules(project, public_quota_events_per_month=201)
    if kind == "stream":
        settings.STREAM_MAX_EVENTS = 402
    assert Page(key).send_many([EVENT] * 200).status_code == 202
    ip = ADDRESS if kind == "address" else OTHER_ADDRESS
    before = snapshot()

    assert Page(key, ip).send_many([EVENT] * 199).status_code in (429, 503)

    assert snapshot() == before


@pytest.mark.parametrize(
    ("limits", "outcomes"),
    [
        ({}, [0, 0, 0, 0]),
        ({"burst": 5}, [0, 1, 0, 1]),
        ({"quota": 5}, [0, 2, 0, 2]),
        ({"public_quota": 5}, [0, 5, 0, 5]),
        ({"stream_limit": 10}, [0, 4, 0, 4]),
        ({"stream_limit": 5}, [4, 4, 0, 4]),
        ({"address_burst": 3}, [0, 6, 6, 0]),
    ],
)
def test_of_public_requests_that_share_a_call_each_is_admitted_whole_or_not_at_all(
    store: None, limits: dict[str, int], outcomes: list[int]
) -> None:
    """The first three come from one address, the last from another."""
    client = stream_client()
    usual = {"burst": 1_000, "quota": -1, "stream_limit": 1_000}
    all_limits = usual | {"public_quota": -1, "address_burst": 100} | limits
    burst, quota, stream_limit, public_quota, address_burst = all_limits.values()
    names = [f"analytics:shared:{name}" for name in "wasebukq"]
    requests = [("7", [2, 1]), ("7", [1, 3]), ("7", [2]), ("9", [1])]  # events of each part
    its_limits = (1, burst, quota, public_quota, 0.001, address_burst)
    arguments: list[Any] = [stream_limit, 3, 100, 1_000, 202601]
    arguments += [*encode_section(its_limits, "ab", "key"), len(requests)]
    for cell, parts in requests:
        arguments += [cell, len(parts)]
        for events in parts:
            arguments += [events, b"x"]

    replies: Any = run_script(client, ADMIT, names, arguments)

    assert [reply[0] for reply in replies] == outcomes
    admitted = [request for request, outcome in zip(requests, outcomes, strict=True) if not outcome]
    events = sum(events for _, parts in admitted for events in parts)
    waiting: Any = client.hgetall(names[0])
    assert waiting[b"public-ab"] == waiting[b"total"] == b"%d" % events
    assert client.hget(names[5], "ab:public") == b"%d" % events
    assert set(client.hkeys(names[6])) == {cell.encode() for cell, _ in admitted}
    client.delete(*names)


def test_requests_of_a_public_key_are_entries_of_their_own(key: ApiKey, ingest: Api) -> None:
    Page(key).send(EVENT)
    ingest.post("/event", EVENT)

    assert [part.public for part in read_parts()] == [True, False]
