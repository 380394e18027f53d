"""Aliases: what clients send in the place of a key, and whose it is."""

from io import StringIO
from typing import Any

import msgspec
import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from pytest_django import Settings

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import alias_key
from analytics.keys.aliases import spell_alias
from analytics.keys.authentication import authenticate_alias
from analytics.keys.records import KeyRecord
from analytics.projects.alias_mirror import mirror_aliases
from analytics.projects.aliases import Alias, AliasTaken
from analytics.remembered import forget_everything
from analytics.web.problems import BadRequest, Unavailable
from ingestion.accept.reply import Reply
from ingestion.receivers.bodies import decode_envelope
from ingestion.receivers.envelope import Call, Envelope, Taken
from ingestion.receivers.receiver import Receiver
from ingestion.receivers.view import make_view
from tests.conftest import TestProject
from tests.pages import ADDRESS, set_rules
from tests.receivers.vendor import count_refusals, read_stored
from upkeep.deletion.job import stop_keys

UUID = "7e3c1b9a-52d4-4c0f-9a31-0d5c8f6b2e17"


class ByHostname(Receiver[dict[str, Any]]):
    """A vendor whose clients name a hostname, and nothing else."""

    name = "by-hostname"
    title = "By hostname"
    paths = ("/by-hostname",)
    key_place = "none"
    alias_kind = "plausible"

    def read(self, call: Call) -> dict[str, Any]:
        decode = msgspec.json.Decoder(dict[str, Any]).decode
        return decode_envelope(decode, call.body, "an object")

    def list_aliases(self, parsed: dict[str, Any]) -> list[str]:
        return [parsed["d"]]

    def translate(self, parsed: dict[str, Any], call: Call, key: KeyRecord) -> Envelope:
        return Envelope(parsed["events"])

    def answer(self, taken: Taken, call: Call) -> Reply:
        return Reply.of_text(202, "ok", {})


def send(hostname: str, *events: Any, **headers: Any) -> Any:
    body = {"d": hostname, "events": list(events)}
    headers.setdefault("REMOTE_ADDR", ADDRESS)
    make = RequestFactory(**headers).post
    return make_view(ByHostname())(make("/by-hostname", body, content_type="application/json"))


def add(project: TestProject, text: str) -> Alias:
    alias = Alias.parse(project.row, text)
    alias.save()
    return alias


def find(kind: str, value: str) -> KeyRecord:
    return authenticate_alias({}, kind, [spell_alias(kind, value)])


def test_what_comes_by_an_alias_is_stored_as_by_a_public_key_of_its_project(
    project: TestProject, other_project: TestProject
) -> None:
    alias = add(project, "plausible:shop.example.com")
    add(other_project, "plausible:other.example.com")

    answer = send("shop.example.com", {"path": "/a", "eventId": "1", "ip": "203.0.113.9"}, {})

    assert (answer.status_code, answer.content) == (202, b"ok")
    [event] = read_stored(project)
    assert (event["path"], event["_id"][8]) == ("/a", 2)
    assert read_stored(other_project) == []
    assert count_refusals(project) == {"ignored_field": 1, "by-hostname/missing_field": 1}
    assert find("plausible", "shop.example.com").key_id == alias.key_id


@pytest.mark.parametrize(
    "spelling", ["Shop.Example.COM", "https://shop.example.com/", "shop.example.com:443"]
)
def test_a_hostname_is_one_alias_however_it_is_spelled(project: TestProject, spelling: str) -> None:
    add(project, f"plausible:{spelling}")

    assert find("plausible", "shop.example.com").project_id == project.id


def test_an_unknown_alias_is_a_bad_request(project: TestProject) -> None:
    for value in ("unknown.example.com", "", "::", "x" * 300):
        with pytest.raises(BadRequest) as refused:
            find("plausible", value)
        assert refused.value.code == "unknown_alias"


def test_unknown_aliases_count_against_their_address_as_bad_keys_do(
    project: TestProject, settings: Settings, unending_windows: None
) -> None:
    settings.AUTH_FAILURES_RATE = "3/h"
    add(project, "plausible:shop.example.com")
    view = {"path": "/a", "eventId": "1"}

    statuses = [send("", view).status_code for _ in range(4)]  # names none, and guesses nothing
    statuses += [send(f"{n}.example.com", view).status_code for n in range(2)]
    bad_key = f"Bearer ak_live_23456789_{'x' * 43}"
    statuses += [send("x", view, HTTP_AUTHORIZATION=bad_key).status_code]
    over = send("3.example.com", view)

    assert statuses == [400] * 6 + [401]
    assert over.status_code == 429
    assert msgspec.json.decode(over.content)["code"] == "too_many_failures"
    assert 1 <= int(over["Retry-After"]) <= 3_600
    assert send("4.example.com", view, REMOTE_ADDR="198.51.100.9").status_code == 400
    assert send("shop.example.com", view).status_code == 202


def test_an_alias_is_of_one_project_and_a_refusal_does_not_say_of_which(
    project: TestProject, other_project: TestProject
) -> None:
    add(other_project, f"umami:{UUID}")

    with pytest.raises(ValidationError, match="taken") as refused:
        add(project, f"umami:{UUID.upper()}")
    assert other_project.row.name not in str(refused.value)
    assert find("umami", UUID).project_id == other_project.id


def test_two_projects_that_take_an_alias_at_once_are_told_apart(
    project: TestProject, other_project: TestProject
) -> None:
    first, second = (
        Alias.parse(row, "plausible:a.example") for row in (project.row, other_project.row)
    )
    first.save()

    with pytest.raises(AliasTaken):
        second.save()


@pytest.mark.parametrize(
    "text",
    [
        "matomo:one",
        "nobody:1",
        "plausible:",
        "plausible:a b",
        "umami:1",
        "example.com",
        "umami:" + "x" * 300,
    ],
)
def test_what_no_client_sends_is_no_alias(project: TestProject, text: str) -> None:
    with pytest.raises(CommandError):
        call_command("add_alias", project.row.pk, text)


def test_a_command_adds_an_alias_and_lists_those_there_are(project: TestProject) -> None:
    out = StringIO()
    call_command("add_alias", "Test", f"umami:{UUID}", stdout=StringIO())
    call_command("add_alias", project.row.pk, "plausible:a.example", stdout=StringIO())
    call_command("add_alias", project.row.pk, "plausible:A.example", stdout=out)

    assert out.getvalue() == f"plausible:a.example\numami:{UUID}\n"


def test_a_removed_alias_is_another_projects_later_and_no_slow_restore_brings_it_back(
    project: TestProject, other_project: TestProject
) -> None:
    alias = add(project, "plausible:a.example")
    name = alias_key(alias.digest.hex())
    stale: Any = stream_client().get(name)
    alias.delete()
    forget_everything()
    with pytest.raises(BadRequest):
        find("plausible", "a.example")

    mirror_aliases()
    assert stream_client().get(name) is None
    add(other_project, "plausible:a.example")
    forget_everything()

    assert find("plausible", "a.example").project_id == other_project.id
    assert stale != stream_client().get(name)


def test_a_lost_mirror_is_503_until_it_is_restored(project: TestProject) -> None:
    add(project, "plausible:a.example")
    stream_client().flushall()
    forget_everything()

    with pytest.raises(Unavailable):
        find("plausible", "a.example")
    assert mirror_aliases() == 1
    assert find("plausible", "a.example").project_id == project.id


def test_the_rules_of_a_project_reach_its_aliases(project: TestProject) -> None:
    add(project, "plausible:a.example")
    set_rules(project, allowed_origins=["https://a.example"], public_max_age_hours=48)

    record = find("plausible", "a.example")

    assert record.allowed_origins == {"https://a.example"}
    assert (record.public, record.public_max_age_hours) == (True, 48)
    refused = send("a.example", {"path": "/"}, HTTP_ORIGIN="https://b.example")
    assert refused.status_code == 403


def test_a_deleted_project_lets_go_of_its_aliases(
    project: TestProject, other_project: TestProject
) -> None:
    add(project, "plausible:a.example")

    stop_keys(project.row)
    forget_everything()

    with pytest.raises(BadRequest):
        find("plausible", "a.example")
    add(other_project, "plausible:a.example")
