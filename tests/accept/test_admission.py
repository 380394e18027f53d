"""Admission: one atomic step in Redis, or a refusal that changed nothing."""

import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings, settings
from redis.exceptions import ResponseError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import allowances_key, quota_key, usage_key, wake_key
from analytics.projects.models import ApiKey, Project
from ingestion.accept import admit
from ingestion.accept.plan import encode_section
from ingestion.drain.loop import drain
from ingestion.stream import memory
from ingestion.stream.scripts import ADMIT, run_script
from tests.accept.test_post_event import read_entries, read_problem
from tests.conftest import Api, TestProject
from tests.servers_plugin import Servers
from upkeep.ledger.lines import read_ledger

EVENT = {"path": "/a"}
HOUR_MS = 3_600_000


def issue_key(project: TestProject, **limits: int) -> tuple[Api, str]:
    """A key with limits of its own, below what the admin form allows; and its id."""
    key, text = ApiKey.issue(project.row, "limited", ["ingest"])
    for name, value in limits.items():
        setattr(key, name, value)
    key.save()
    return Api(text), key.id


def move_allowance(project: TestProject, key_id: str, ms: int) -> None:
    """Have Redis note of a key's allowance that it was so many milliseconds later."""
    field = f"{project.row.pk}:{key_id}"
    known: Any = stream_client().hget(allowances_key(0), field)
    left, at_ms = struct.unpack("<dd", known)
    stream_client().hset(allowances_key(0), field, struct.pack("<dd", left, at_ms + ms))


def set_quota(project: TestProject, events: int) -> None:
    row = Project.objects.get(pk=project.row.pk)
    row.quota_events_per_month = events
    row.save()


def snapshot() -> dict[bytes, Any]:
    """Everything that the stream's Redis holds, but for the API keys and the wake flag."""
    client = stream_client()
    prefix, kept = f"{settings.STREAM_PREFIX}:keys".encode(), {}
    for name in client.scan_iter():
        if not name.startswith(prefix) and name != wake_key(0).encode():
            kept[name] = client.dump(name)
    return kept


# --- Rate, quota, burst, backpressure ------------------------------------------------------------


def test_every_202_tells_the_policy_and_what_is_left_of_it(project: TestProject) -> None:
    api, _ = issue_key(project, rate_events_per_second=1, burst_events=5)

    answer = api.post("/event", EVENT)

    assert answer["RateLimit-Policy"] == '"key";q=5;w=5'
    assert answer["RateLimit"] == '"key";r=4;t=1'


def test_a_key_over_its_rate_is_told_when_to_come_back(project: TestProject) -> None:
    api, key_id = issue_key(project, rate_events_per_second=1, burst_events=5)
    assert api.post("/events", [EVENT] * 4).status_code == 202
    move_allowance(project, key_id, HOUR_MS)  # or it would grow if the next comes late

    answer = api.post("/events", [EVENT] * 3)

    assert answer.status_code == 429
    problem = read_problem(answer)
    assert problem["code"] == "rate_limited"
    assert len(problem["eventIds"]) == 3
    assert answer["Retry-After"] == "2"
    assert answer["RateLimit"].startswith('"key";r=1;t=')
    assert len(read_entries()) == 1
    # The allowance grows with the time.
    move_allowance(project, key_id, -2_000)
    assert api.post("/events", [EVENT] * 3).status_code == 202


def test_a_key_never_saves_up_more_than_its_burst(project: TestProject) -> None:
    api, key_id = issue_key(project, rate_events_per_second=1, burst_events=5)
    api.post("/event", EVENT)
    move_allowance(project, key_id, -HOUR_MS)

    assert api.post("/event", EVENT)["RateLimit"] == '"key";r=4;t=1'


def test_a_clock_that_went_back_counts_as_no_time(project: TestProject) -> None:
    api, key_id = issue_key(project, rate_events_per_second=1, burst_events=5)
    api.post("/event", EVENT)
    move_allowance(project, key_id, HOUR_MS)

    assert api.post("/events", [EVENT] * 2)["RateLimit"] == '"key";r=2;t=3'


def test_a_clock_that_went_back_does_not_lock_a_key_out(project: TestProject) -> None:
    api, key_id = issue_key(project, rate_events_per_second=1, burst_events=5)
    api.post("/events", [EVENT] * 5)
    move_allowance(project, key_id, HOUR_MS)
    assert api.post("/event", EVENT).status_code == 429

    move_allowance(project, key_id, -1_000)

    assert api.post("/event", EVENT).status_code == 202


def test_keys_of_one_project_have_buckets_of_their_own(project: TestProject) -> None:
    first, key_id = issue_key(project, rate_events_per_second=1, burst_events=1)
    second, _ = issue_key(project, rate_events_per_second=1, burst_events=1)

    statuses = [first.post("/event", EVENT).status_code]
    move_allowance(project, key_id, HOUR_MS)  # or it would grow if the next comes late
    statuses += [api.post("/event", EVENT).status_code for api in (first, second)]

    assert statuses == [202, 429, 202]


def test_more_events_than_the_burst_are_too_large(project: TestProject) -> None:
    api, _ = issue_key(project, rate_events_per_second=1, burst_events=5)

    answer = api.post("/events", [EVENT] * 6)

    assert answer.status_code == 413
    problem = read_problem(answer)
    assert problem["code"] == "over_burst"
    assert len(problem["eventIds"]) == 6
    assert read_entries() == []


def test_a_project_over_its_quota_waits_for_the_next_month(
    project: TestProject, other_project: TestProject
) -> None:
    set_quota(project, 3)
    ingest = Api(project.ingest_key)
    assert ingest.post("/events", [EVENT] * 2).status_code == 202

    answer = ingest.post("/events", [EVENT] * 2)

    assert answer.status_code == 429
    problem = read_problem(answer)
    assert problem["code"] == "over_quota"
    assert len(problem["eventIds"]) == 2
    assert 0 < int(answer["Retry-After"]) <= 31 * 86_400
    assert ingest.post("/event", EVENT).status_code == 202
    assert Api(project.admin_key).post("/event", EVENT).status_code == 429
    assert Api(other_project.ingest_key).post("/event", EVENT).status_code == 202
    month = datetime.now(UTC).strftime("%Y%m")
    assert stream_client().hget(usage_key(0, month), project.id.hex()) == b"3"


def test_a_quota_holds_what_the_release_before_counts_beside_this_one(
    project: TestProject, other_project: TestProject
) -> None:
    set_quota(project, 3)
    ingest, month = Api(project.ingest_key), datetime.now(UTC).strftime("%Y%m")
    stream_client().hincrby(quota_key(0, project.id.hex()), month, 1)
    assert ingest.post("/event", EVENT).status_code == 202

    stream_client().hincrby(quota_key(0, project.id.hex()), month, 1)

    assert ingest.post("/event", EVENT).status_code == 429
    assert Api(other_project.ingest_key).post("/event", EVENT).status_code == 202


def test_a_full_stream_is_refused_until_it_is_drained(
    ingest: Api, project: TestProject, settings: LazySettings
) -> None:
    settings.STREAM_MAX_EVENTS = 3
    assert ingest.post("/events", [EVENT] * 3).status_code == 202

    answer = ingest.post("/event", {**EVENT, "eventId": "mine"})

    assert answer.status_code == 503
    problem = read_problem(answer)
    assert (problem["code"], problem["eventId"]) == ("stream_full", "mine")
    assert int(answer["Retry-After"]) >= 1
    assert drain(0).stored == 3
    assert ingest.post("/event", EVENT).status_code == 202


@pytest.mark.parametrize("kind", ["rate", "quota", "stream"])
def test_a_refusal_leaves_redis_as_it_was(
    project: TestProject, settings: LazySettings, kind: str
) -> None:
    api, _ = issue_key(project, rate_events_per_second=1, burst_events=5)
    if kind == "quota":
        set_quota(project, 3)
    if kind == "stream":
        settings.STREAM_MAX_EVENTS = 3
    assert api.post("/events", [EVENT] * 3).status_code == 202
    before = snapshot()

    assert api.post("/events", [EVENT] * 5).status_code in (429, 503)

    assert snapshot() == before


def test_keys_that_share_a_call_keep_limits_books_and_entries_of_their_own(store: None) -> None:
    """Two of a project with a quota of 4, one of another project between them, and the first
    once more, as it is without the quota."""
    client = stream_client()
    shared = [f"analytics:call:{name}" for name in (*"was", "wake", "allowances", "usage")]
    keys = [*shared, "analytics:call:before", "analytics:call:before"]
    arguments: list[Any] = [7, 3, 100, 1_000, 202601]
    for project, quota, name, events in (
        *(("aa", 4, "first", [1, 2]), ("bb", -1, "other", [2, 9])),
        *(("aa", 4, "second", [2, 1, 1]), ("aa", -1, "first", [1])),
    ):
        arguments += [*encode_section((1, 10, quota), project, name), len(events)]
        for count in events:
            arguments += [1, count, name]

    replies: Any = run_script(client, ADMIT, keys, arguments)

    outcomes = [reply[0] for reply in replies]
    assert outcomes == [*(0, 0), *(0, 3), *(2, 0, 2), 0]
    assert [reply[3] for reply in replies] == [1, *[0] * 7]
    entries: Any = client.xrange(shared[2])
    assert [fields[b"d"] for _, fields in entries] == [
        *(b"\x92firstfirst", b"\x91other", b"\x91second", b"\x91first")
    ]
    day = int(entries[0][0].split(b"-")[0]) // 86_400_000
    by_day = {b"aa:%d" % day: b"5", b"bb:%d" % day: b"2"}
    assert client.hgetall(shared[1]) == by_day
    assert client.hgetall(shared[0]) == {**by_day, b"total": b"7"}
    assert client.hgetall(shared[5]) == {
        **{b"aa": b"5", b"aa:first": b"4", b"aa:second": b"1"},
        **{b"bb": b"2", b"bb:other": b"2"},
    }
    allowances: Any = client.hgetall(shared[4])
    left = {name: struct.unpack("<dd", known)[0] for name, known in allowances.items()}
    assert left == {b"aa:first": 6, b"bb:other": 8, b"aa:second": 9}
    client.delete(*keys)


@pytest.mark.parametrize("broken", ["before", "addresses", "allowance"])
def test_a_section_that_fails_fails_alone(store: None, broken: str) -> None:
    """One of its keys is of another type, or its allowance no numbers; what follows it in the call
    is read from its place on."""
    client = stream_client()
    shared = [f"analytics:alone:{name}" for name in (*"was", "wake", "allowances", "usage")]
    keys, arguments = [*shared], [1_000, 3, 100, 1_000, 202601]  # type: list[str], list[Any]
    for project in ("aa", "bb", "cc"):
        keys += [f"analytics:alone:{project}:{name}" for name in ("addresses", "before")]
        arguments += [*encode_section((1, 3, 1_000, -1, 1, 10), project, "key"), 2]
        for count in (1, 1):
            arguments += ["cell", 2, count, project, count, project]
    if broken == "allowance":
        client.hset(shared[4], "bb:key", "no numbers")
    else:
        client.set(f"analytics:alone:bb:{broken}", "no hash")

    replies: Any = run_script(client, ADMIT, keys, arguments)

    assert [type(reply) for reply in replies] == [
        list,
        list,
        ResponseError,
        ResponseError,
        list,
        list,
    ]
    assert [reply[0] for reply in (*replies[:2], *replies[4:])] == [0, 1, 0, 1]
    assert broken == "allowance" or "WRONGTYPE" in str(replies[2])
    entries: Any = client.xrange(shared[2])
    assert [fields[b"d"] for _, fields in entries] == [b"\x92aaaa", b"\x92cccc"]
    day = int(entries[0][0].split(b"-")[0]) // 86_400_000
    by_day = {b"aa:%d" % day: b"2", b"cc:%d" % day: b"2"}
    assert client.hgetall(shared[1]) == by_day
    assert client.hgetall(shared[0]) == by_day | {
        **{b"total": b"4", b"public-aa": b"2", b"public-cc": b"2"}
    }
    client.delete(*keys)


@pytest.mark.parametrize("broken", ["waiting", "accepted", "stream", "allowances", "usage"])
def test_where_what_all_sections_share_fails_nothing_is_written(store: None, broken: str) -> None:
    client = stream_client()
    names = ("waiting", "accepted", "stream", "wake", "allowances", "usage")
    keys = [f"analytics:whole:{name}" for name in names]
    client.set(f"analytics:whole:{broken}", "no hash")
    section = encode_section((1, 10, -1), "aa", "key")
    arguments: list[Any] = [7, 3, 100, 1_000, 202601, *section, 1, 1, 1, "x"]

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        run_script(client, ADMIT, keys, arguments)

    assert client.exists(*keys) == 1
    client.delete(*keys)


def test_a_key_whose_allowance_is_broken_is_refused_and_no_other(
    project: TestProject, ingest: Api
) -> None:
    broken, key_id = issue_key(project)
    stream_client().hset(allowances_key(0), f"{project.row.pk}:{key_id}", "no numbers")

    refused, accepted = broken.post("/event", EVENT), ingest.post("/event", EVENT)

    assert (refused.status_code, read_problem(refused)["code"]) == (503, "stream_unavailable")
    assert accepted.status_code == 202
    assert drain(0).stored == 1
    [line] = read_ledger(project.id)
    assert (line.accepted, line.stored, line.difference) == (1, 1, 0)


@pytest.mark.parametrize(
    ("limits", "outcomes"),
    [
        ({}, [0, 0, 0, 0]),
        ({"rate": 1, "burst": 5}, [0, 1, 0, 1]),
        ({"quota": 5}, [0, 2, 0, 2]),
        ({"stream_limit": 5}, [0, 3, 0, 3]),
        ({"stream_limit": 2}, [3, 3, 0, 3]),
        ({"rate": 1, "burst": 0}, [1, 1, 1, 1]),
    ],
)
def test_of_requests_that_share_a_call_each_is_admitted_whole_or_not_at_all(
    store: None, limits: dict[str, int], outcomes: list[int]
) -> None:
    client = stream_client()
    all_limits = {"rate": 1_000, "burst": 1_000, "quota": -1, "stream_limit": 1_000} | limits
    rate, burst, quota, stream_limit = all_limits.values()
    keys = [f"analytics:shared:{name}" for name in "wasebuq"]
    requests = [(2, 1), (1, 3), (2,), (1,)]  # of so many events in each part
    arguments: list[Any] = [stream_limit, 2, 100, 1_000, 202601]
    arguments += [*encode_section((rate, burst, quota), "ab", "key"), len(requests)]
    for number, entries in enumerate(requests):
        arguments.append(len(entries))
        for events in entries:
            arguments += [events, b"%d" % number]

    replies: Any = run_script(client, ADMIT, keys, arguments)

    assert [reply[0] for reply in replies] == outcomes
    admitted = [number for number, outcome in enumerate(outcomes) if outcome == 0]
    assert [reply[3] for reply in replies] == [int([n] == admitted[:1]) for n in range(4)]
    waiting, counted, stream_name, _, allowances, usage, _ = keys
    stream: Any = client.xrange(stream_name)
    parts = [b"%d" % number for number in admitted for _ in requests[number]]
    expected = [bytes([0x90 + len(parts)]) + b"".join(parts)] if parts else []
    assert [fields[b"d"] for _, fields in stream] == expected
    events = sum(sum(requests[number]) for number in admitted)
    # by project and key, in all and by day
    for name, times in ((usage, 2), (waiting, 2), (counted, 1)):
        assert client.hvals(name) == [b"%d" % events] * (times if events else 0)
    left: Any = client.hgetall(allowances)
    assert list(left) == ([b"ab:key"] if events else [])
    assert [struct.unpack("<dd", known)[0] for known in left.values()] == [burst - events] * bool(
        events
    )
    client.delete(*keys)


def test_the_wake_flag_is_set_once_per_drain(ingest: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    signalled: list[int] = []
    monkeypatch.setattr(admit, "signal_drain", signalled.append)

    for _ in range(3):
        ingest.post("/event", EVENT)
    assert signalled == [0]
    drain(0)
    ingest.post("/event", EVENT)

    assert signalled == [0, 0]
    assert 0 < stream_client().pttl(wake_key(0)) <= 5_000


# --- A Redis that is full, forgetful or gone -----------------------------------------------------


@pytest.fixture
def set_memory(store: None) -> Iterator[Callable[[int], object]]:
    """Sets Redis's maxmemory, in bytes; put back at the end."""
    client = stream_client()
    usual: Any = client.config_get("maxmemory")["maxmemory"]
    yield lambda maximum_bytes: client.config_set("maxmemory", maximum_bytes)
    client.config_set("maxmemory", usual)


def test_memory_that_is_nearly_full_is_refused_with_room_left_to_drain(
    set_memory: Callable[[int], object], ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ingest.post("/events", [EVENT] * 3).status_code == 202
    set_memory(int(stream_client().info("memory")["used_memory"] * 1.1))
    monkeypatch.setattr(memory, "_memory", memory.MemoryGuard())

    answer = ingest.post("/event", {**EVENT, "eventId": "mine"})

    assert answer.status_code == 503
    problem = read_problem(answer)
    assert (problem["code"], problem["eventId"]) == ("stream_full", "mine")
    assert int(answer["Retry-After"]) >= 1
    assert drain(0).stored == 3


def test_at_maxmemory_nothing_is_accepted_and_nothing_changes(
    set_memory: Callable[[int], object],
    ingest: Api,
    settings: LazySettings,
) -> None:
    settings.STREAM_MAX_MEMORY_RATIO = float("inf")  # as if the guard had not noticed yet
    assert ingest.post("/events", [EVENT] * 3).status_code == 202
    before = snapshot()
    set_memory(1)

    answer = ingest.post("/event", {**EVENT, "eventId": "mine"})

    assert answer.status_code == 503
    problem = read_problem(answer)
    assert (problem["code"], problem["eventId"]) == ("stream_unavailable", "mine")
    assert int(answer["Retry-After"]) >= 1
    assert snapshot() == before


def test_a_full_redis_can_still_be_emptied(
    set_memory: Callable[[int], object], ingest: Api, project: TestProject
) -> None:
    assert ingest.post("/events", [EVENT] * 3).status_code == 202
    set_memory(1)

    assert drain(0).stored == 3
    [line] = read_ledger(project.id)
    assert (line.accepted, line.stored, line.waiting, line.difference) == (3, 3, 0, 0)


def test_a_redis_that_forgot_the_script_is_given_it_again(ingest: Api) -> None:
    assert ingest.post("/event", EVENT).status_code == 202
    stream_client().script_flush()

    assert ingest.post("/event", EVENT).status_code == 202

    assert len(read_entries()) == 2


def test_a_restarted_redis_is_found_again(ingest: Api, servers: Servers) -> None:
    assert ingest.post("/event", EVENT).status_code == 202

    servers.stream.restart()
    event = {**EVENT, "eventId": "mine"}
    statuses = [ingest.post("/event", event).status_code for _ in range(2)]

    # A connection that was used a moment ago is not looked at before it is used again.
    assert statuses in ([202, 202], [503, 202])


def test_without_redis_an_event_is_refused_with_the_id_to_send_again(
    ingest: Api, servers: Servers
) -> None:
    assert ingest.post("/event", EVENT).status_code == 202  # the key is known from here on
    servers.stream.kill()
    try:
        single = ingest.post("/event", EVENT)
        batch = ingest.post("/events", [EVENT, {**EVENT, "eventId": "mine"}])
    finally:
        servers.stream.start()

    for answer in (single, batch):
        assert answer.status_code == 503
        assert read_problem(answer)["code"] == "stream_unavailable"
        assert int(answer["Retry-After"]) >= 1
    event_ids = [single.json()["eventId"], *batch.json()["eventIds"]]
    assert event_ids[2] == "mine"
    # The same again, with the ids of the refusals, is accepted once each.
    again = ingest.post("/events", [{**EVENT, "eventId": event_id} for event_id in event_ids])
    assert again.status_code == 202
    assert drain(0).stored == 4


def test_without_redis_an_unknown_key_is_not_called_wrong(store: None, servers: Servers) -> None:
    servers.stream.kill()
    try:
        answer = Api("ak_live_23456789_" + "x" * 43).post("/event", EVENT)
    finally:
        servers.stream.start()

    assert (answer.status_code, read_problem(answer)["code"]) == (503, "keys_unavailable")
