"""What a project leaves out: answered `excluded`, counted by key, and kept nowhere."""

from typing import Any

import msgspec
import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from analytics.databases.redis_clients import stream_client
from analytics.keys.excluded import is_address_excluded, read_pattern
from analytics.keys.records import Excluded
from analytics.keys.refusals import EXCLUDED, flush_refusals, read_refusals
from analytics.projects.excluded import spell_host_pattern, spell_network, validate_path
from ingestion.drain.loop import drain
from tests.accept.test_post_event import read_entries
from tests.conftest import Api, TestProject
from tests.pages import ADDRESS, Page, make_public_key, set_rules
from upkeep.ledger.check import check_ledger

ANSWER = {"status": "excluded", "queued": False}
_SEGMENTS = {"type": "track", "event": "signup", "userId": "ann"}


def count_excluded(project: TestProject) -> int:
    flush_refusals()
    found = read_refusals(project.row.partition, project.row.pk)
    return sum(one.times for one in found if one.reason == EXCLUDED)


@pytest.mark.parametrize(
    ("rules", "event"),
    [
        ({"excluded_addresses": [ADDRESS]}, {"path": "/a"}),
        ({"excluded_addresses": ["198.51.100.0/24"]}, {"path": "/a"}),
        ({"excluded_paths": ["/admin/*"]}, {"path": "/admin/users"}),
        ({"excluded_paths": ["/admin/*"]}, {"url": "https://shop.example/admin/?a=1#b"}),
        ({"excluded_paths": ["/grüße"]}, {"path": "/gr%C3%BC%C3%9Fe?a=1"}),
        ({"excluded_hostnames": ["shop.example"]}, {"path": "/a", "hostname": "SHOP.example:80"}),
        ({"excluded_hostnames": ["*.example"]}, {"url": "https://test.shop.example/a"}),
    ],
)
def test_what_is_left_out_is_answered_so_counted_and_kept_nowhere(
    project: TestProject, rules: dict[str, Any], event: dict[str, Any]
) -> None:
    set_rules(project, **rules)
    page = Page(make_public_key(project))

    answer = page.send(event)

    assert (answer.status_code, answer.json()) == (200, ANSWER)
    assert read_entries() == []
    assert count_excluded(project) == 1
    drain(0)
    check = check_ledger()
    assert (check.wrong, check.verdicts) == ([], {})


@pytest.mark.parametrize(
    "rules",
    [
        {"excluded_addresses": ["198.51.100.8", "2001:db8::/32"]},
        {"excluded_paths": ["/admin/*", "/b"]},
        {"excluded_hostnames": ["shop.example", "*.shop.example"]},
    ],
)
def test_what_is_like_no_rule_is_kept(project: TestProject, rules: dict[str, Any]) -> None:
    set_rules(project, **rules)
    page = Page(make_public_key(project))

    for event in (
        {"path": "/a"},
        {"path": "/administration", "hostname": "workshop.example"},
        {"url": "https://shop.example.com/ADMIN/x"},
    ):
        assert page.send(event).status_code == 202
    assert count_excluded(project) == 0


def test_a_secret_key_may_name_the_address_and_a_public_one_may_not(project: TestProject) -> None:
    set_rules(project, excluded_addresses=["203.0.113.0/24"])
    event = {"path": "/a", "ip": "203.0.113.42"}

    assert Api(project.ingest_key).post("/event", event).json() == ANSWER
    assert Page(make_public_key(project)).send(event).status_code == 202
    assert Page(make_public_key(project, "office"), ip="203.0.113.9").send(event).json() == ANSWER


def test_a_batch_tells_how_many_of_it_are_left_out(project: TestProject) -> None:
    set_rules(project, excluded_paths=["/admin*"])
    batch = [{"path": "/admin"}, {"path": "/a", "eventId": "a"}, {"pathh": "/"}, {"path": "/admin"}]

    answer = Api(project.ingest_key).post("/events", batch)

    assert answer.status_code == 202
    body = answer.json()
    assert (body["status"], body["accepted"], body["excluded"]) == ("queued", 1, 2)
    assert body["eventIds"] == ["a"]
    assert [one["index"] for one in body["rejected"]] == [2]
    assert count_excluded(project) == 2


def test_a_batch_of_nothing_else_is_answered_as_one_event_is(project: TestProject) -> None:
    set_rules(project, excluded_paths=["/admin*"])
    api = Api(project.ingest_key)

    answer = api.post("/events", [{"path": "/admin"}, {}])

    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["queued"], body["accepted"]) == ("excluded", False, 0)
    assert (body["excluded"], body["eventIds"]) == (1, [])
    assert [one["index"] for one in body["rejected"]] == [1]
    assert api.post("/events", [{}]).json()["code"] == "no_valid_event"


def test_a_bad_event_is_refused_wherever_it_comes_from(project: TestProject) -> None:
    set_rules(project, excluded_addresses=[ADDRESS])

    answer = Page(make_public_key(project)).send({"pathh": "/a"})

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")


def test_what_is_left_out_needs_no_room_in_the_stream(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rules(project, excluded_paths=["/a"], quota_events_per_month=1)
    api = Api(project.ingest_key)
    assert api.post("/event", {"path": "/b"}).status_code == 202
    assert api.post("/event", {"path": "/b"}).status_code == 429

    assert api.post("/event", {"path": "/a"}).json() == ANSWER


def test_the_rules_of_one_project_are_no_other_ones(
    project: TestProject, other_project: TestProject
) -> None:
    set_rules(project, excluded_paths=["*"])

    assert Api(project.ingest_key).post("/event", {"path": "/a"}).json() == ANSWER
    assert Api(other_project.ingest_key).post("/event", {"path": "/a"}).status_code == 202
    assert count_excluded(other_project) == 0


def test_a_record_of_a_release_without_such_rules_leaves_out_nothing(
    project: TestProject,
) -> None:
    [name] = [key for key in stream_client().scan_iter("*") if _has_scope(key, "ingest")]
    record = msgspec.json.decode(stream_client().get(name) or b"")
    del record["excluded"]
    stream_client().set(name, msgspec.json.encode(record))

    assert Api(project.ingest_key).post("/event", {"path": "/a"}).status_code == 202


def _has_scope(name: bytes, scope: str) -> bool:
    if stream_client().type(name) != b"string":
        return False
    value = msgspec.json.decode(stream_client().get(name) or b"null")
    return isinstance(value, dict) and value.get("scopes") == [scope]


def test_a_receiver_answers_as_its_vendor_does(project: TestProject) -> None:
    set_rules(project, excluded_addresses=[ADDRESS])
    body = {"writeKey": make_public_key(project).text, "batch": [_SEGMENTS, _SEGMENTS]}

    answer = Client(REMOTE_ADDR=ADDRESS).post("/v1/batch", body, content_type="application/json")

    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert read_entries() == []
    assert count_excluded(project) == 2


# --- How it is written ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7/24", "203.0.113.0/24"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_networks_have_one_spelling(written: str, spelled: str) -> None:
    assert spell_network(written) == spelled


@pytest.mark.parametrize("text", ["203.0.113", "203.0.113.7/33", "shop.example", "::/129", "*"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="is no address and no network"):
        spell_network(text)


@pytest.mark.parametrize("text", ["admin", "https://shop.example/", "/a?b", "/a#b"])
def test_what_no_path_is_like_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="is not a path"):
        validate_path(text)


def test_a_hostname_may_stand_for_all_below_it() -> None:
    assert spell_host_pattern("*.Shop.example:443") == "*.shop.example"
    assert spell_host_pattern("https://Test.shop.example/a") == "test.shop.example"
    with pytest.raises(ValidationError, match="is not a hostname"):
        spell_host_pattern("*.*")


def test_an_unknown_address_is_in_no_network() -> None:
    assert not is_address_excluded(Excluded(networks=("0.0.0.0/0", "::/0")), None)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("/a", "/a", True),
        ("/a", "/a/", False),
        ("/a*", "/a", True),
        ("/a*/b", "/a/b", True),
        ("/a*/b", "/a/b/c", False),
        ("*.php", "/x.php", True),
        ("/ab*ba", "/aba", False),
        ("*a*b*", "/bba", False),
        ("*", "", True),
    ],
)
def test_a_star_is_anything_also_nothing(pattern: str, text: str, matches: bool) -> None:
    assert read_pattern(pattern)(text) is matches


@given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
def test_patterns_are_read_as_a_shell_reads_them(pattern: str, text: str) -> None:
    import fnmatch

    assert read_pattern(pattern)(text) == fnmatch.fnmatchcase(text, pattern)
