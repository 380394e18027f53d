"""Dead letters: replayed they are accepted anew, discarded they stay counted as dead."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pymongo.errors import OperationFailure

from analytics.databases.mongo import DEAD_LETTERS, EVENTS, Document, collection
from analytics.events import event as wire
from analytics.events.invalid_event import InvalidEvent
from analytics.projects.models import Project
from analytics.web.problems import Unavailable
from ingestion.drain.loop import drain
from ingestion.letters.change import NotDead, discard_letters, edit_letter
from ingestion.letters.letter import date_payload, show_payload
from ingestion.letters.replay import find_open, replay_letters
from ingestion.store import prepare
from ingestion.store import transaction as store
from tests.conftest import Api, TestProject
from tests.pages import Page, make_public_key, set_rules
from tests.poison import accept_poison
from tests.workers import ROOT, waiting_events
from upkeep.ledger.check import check_ledger
from upkeep.ledger.lines import read_ledger

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ACCEPTED_AT = datetime(2026, 3, 1, 12, 30, 15, 250_000, UTC)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A drain whose decoder refuses every event; undo it to mend it."""

    def refuse(raws: Sequence[bytes]) -> Any:
        return [InvalidEvent("path", "not_today", "This release refuses it.")] * len(raws)

    monkeypatch.setattr(prepare, "decode_events", refuse)
    return monkeypatch


def bury(api: Api, broken: pytest.MonkeyPatch, *events: Document) -> None:
    """Dead letters of `events`, which the next drain could store."""
    assert api.post("/events", list(events)).status_code == 202
    assert drain(0).dead == len(events)
    broken.setattr(prepare, "decode_events", wire.decode_events)


def read_letters(**query: Any) -> list[Document]:
    return list(collection(DEAD_LETTERS).find(query).sort("_id", 1))


def read_events() -> list[Document]:
    return list(collection(EVENTS).find({"path": {"$exists": True}}))


def books_of(project: TestProject) -> tuple[int, ...]:
    [line] = read_ledger(project.id)
    return line.accepted, line.stored, line.duplicate, line.dead, line.difference


def test_a_replay_is_a_new_acceptance_that_keeps_id_and_time(
    project: TestProject, ingest: Api, broken: pytest.MonkeyPatch
) -> None:
    bury(ingest, broken, {"path": "/a"}, {"path": "/b", "eventId": "mine"})
    ours, mine = read_letters()

    assert replay_letters(find_open(), "alice", "decoder mended").replayed == 2
    assert drain(0).stored == 2

    stored = {event["path"]: event for event in read_events()}
    assert stored["/b"]["eventId"] == "mine"
    assert stored["/a"]["_id"] == ours["eventKey"]
    assert stored["/a"]["timestamp"] == ours["acceptedAt"]
    assert stored["/a"]["ingestedAt"] > ours["acceptedAt"]
    assert books_of(project) == (4, 2, 0, 2, 0)
    assert check_ledger(wait_seconds=0).wrong == []
    [first, second] = read_letters(status="replayed")
    assert first["history"][0] | {"at": None} == {
        "at": None, "by": "alice", "action": "replayed", "why": "decoder mended",
    }  # fmt: skip
    assert second["_id"] == mine["_id"]
    assert second["expiresAt"] > datetime.now(UTC) + timedelta(days=29)


def test_whose_event_the_store_refused_is_no_bot_after_a_replay(
    ingest: Api, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document of one who must not be followed has no user agent; his browser had one."""

    insert = store.insert_events

    def refuse_one(session: Any, events: Any) -> None:
        if any(event.accepted.event_id == "refused" for event in events):
            raise OperationFailure("object to insert too large", 10334)
        insert(session, events)

    with monkeypatch.context() as refusing:
        refusing.setattr(store, "insert_events", refuse_one)
        page = {"HTTP_ORIGIN": "https://a.example", "HTTP_USER_AGENT": FIREFOX, "HTTP_DNT": "1"}
        ingest.post("/events", [{"path": "/a", "eventId": "refused"}, {"path": "/b"}], **page)
        assert drain(0).dead == 1

    replay_letters(find_open(), "alice", "")
    assert drain(0).stored == 1

    for event in read_events():
        assert event["browser"] == "Firefox"
        assert {"bot", "userAgent"}.isdisjoint(event)


def test_a_replayed_event_is_stored_for_its_receipt(
    ingest: Api, read: Api, broken: pytest.MonkeyPatch
) -> None:
    bury(ingest, broken, {"path": "/b", "eventId": "mine"})
    assert read.get("/event/mine").json()["state"] == "dead"
    replay_letters(find_open(), "alice", "")
    assert read.get("/event/mine").json()["state"] == "unknown"
    drain(0)
    assert read.get("/event/mine").json()["state"] == "stored"


def test_what_was_sent_again_meanwhile_counts_once(
    project: TestProject, ingest: Api, broken: pytest.MonkeyPatch
) -> None:
    bury(ingest, broken, {"path": "/b", "eventId": "mine"})
    ingest.post("/event", {"path": "/b", "eventId": "mine"})
    replay_letters(find_open(), "alice", "")
    drain(0)

    assert books_of(project) == (3, 1, 1, 1, 0)


def test_an_event_that_still_cannot_be_stored_is_buried_again(
    project: TestProject, ingest: Api, broken: pytest.MonkeyPatch
) -> None:
    bury(ingest, broken, {"path": "/b", "eventId": "mine"})
    replay_letters(find_open(), "alice", "")
    broken.setattr(prepare, "decode_events", lambda raws: wire.decode_events([b"{}"] * len(raws)))

    assert drain(0).dead == 1

    assert [letter["status"] for letter in read_letters()] == ["replayed", "dead"]
    assert books_of(project) == (2, 0, 0, 2, 0)


def test_what_no_drain_could_store_is_refused_and_stays_as_it_is(
    project: TestProject, ingest: Api, broken: pytest.MonkeyPatch
) -> None:
    for event_id in ("one", "two"):
        accept_poison(project, event_id)
    drain(0)
    bury(ingest, broken, {"path": "/b", "eventId": "mine"})
    before = read_letters(eventId={"$ne": "mine"})

    done = replay_letters(find_open(), "alice", "")

    assert (done.replayed, done.skipped, done.refused) == (1, 0, {"invalid": 2})
    assert sorted(done.outcomes.values()) == ["invalid", "invalid", "replayed"]
    assert "bad_property_name" in done.errors["invalid"]
    assert (drain(0).stored, read_letters(status="dead")) == (1, before)
    assert books_of(project) == (4, 1, 0, 3, 0)


def test_what_is_refused_starves_no_letter_behind_it(
    project: TestProject, ingest: Api, broken: pytest.MonkeyPatch
) -> None:
    """However few are asked for, and whoever is the oldest."""
    for event_id in ("one", "two"):
        accept_poison(project, event_id)
    drain(0)
    bury(ingest, broken, {"path": "/b", "eventId": "b"}, {"path": "/c", "eventId": "c"})

    dry = run_command(limit=1, dry_run=True)
    told = run_command(limit=1)

    assert "1 dead letters would be replayed, 0 left out, 2 refused" in dry
    assert "1 dead letters replayed, 0 left out, 2 refused" in told
    assert "2 invalid, the first: bad_property_name" in told
    assert "GET /event/{eventId}" in told
    assert drain(0).stored == 1


def test_the_sender_is_kept_as_far_as_the_project_may(
    ingest: Api, broken: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"path": "/a"})
    ingest.post("/event", body, headers={"user-agent": "Firefox/1"})
    drain(0)
    [letter] = read_letters()
    assert (letter["ip"], letter["userAgent"]) == ("127.0.0.0", "Firefox/1")
    broken.setattr(prepare, "decode_events", wire.decode_events)

    replay_letters(find_open(), "alice", "")
    drain(0)

    [event] = read_events()
    assert (event["ip"], event["userAgent"]) == ("127.0.0.0", "Firefox/1")


@pytest.mark.slow
def test_killed_between_append_and_mark_it_is_a_duplicate_and_no_second_count(
    project: TestProject, ingest: Api, broken: pytest.MonkeyPatch
) -> None:
    bury(ingest, broken, *[{"path": "/a", "eventId": f"id-{n}"} for n in range(3)])
    program = (
        "import os, signal, django; django.setup()\n"
        "from ingestion.letters import replay\n"
        "replay.mark_replayed = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "replay.replay_letters(replay.find_open(), 'alice', '')\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=False,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    assert len(read_letters(status="dead")) == 3

    assert replay_letters(find_open(), "alice", "again").replayed == 3
    drain(0)

    assert len(read_events()) == 3
    assert books_of(project) == (9, 3, 3, 3, 0)
    assert Api(project.read_key).get("/stats").json()["totalViews"] == 3


def test_a_full_stream_takes_no_replay_and_nothing_is_half_done(
    ingest: Api, broken: pytest.MonkeyPatch, settings: Any
) -> None:
    bury(ingest, broken, {"path": "/a"}, {"path": "/b"})
    settings.STREAM_MAX_EVENTS = 1

    with pytest.raises(Unavailable, match="Too many events wait"):
        replay_letters(find_open(), "alice", "")

    assert len(read_letters(status="dead")) == 2
    assert waiting_events() == 0


def test_a_replay_waits_for_replicas_as_an_acceptance_does(
    project: TestProject, ingest: Api, broken: pytest.MonkeyPatch, settings: Any
) -> None:
    bury(ingest, broken, {"path": "/a"})
    settings.REDIS_WAIT_REPLICAS = 1  # and there is none

    with pytest.raises(Unavailable):
        replay_letters(find_open(), "alice", "")

    assert [letter["status"] for letter in read_letters()] == ["dead"]
    settings.REDIS_WAIT_REPLICAS = 0
    assert replay_letters(find_open(), "alice", "").replayed == 1
    drain(0)
    assert books_of(project) == (3, 1, 1, 1, 0)


def test_rate_quota_and_age_do_not_hold_a_replay(
    project: TestProject, ingest: Api, broken: pytest.MonkeyPatch
) -> None:
    old = datetime.now(UTC) - timedelta(days=20)
    bury(ingest, broken, {"path": "/a", "timestamp": old.isoformat()})
    project.row.quota_events_per_month = 1
    project.row.retention_days = 5
    project.row.save()

    assert replay_letters(find_open(), "alice", "").replayed == 1
    assert drain(0).stored == 1


def test_letters_of_a_project_that_is_gone_are_left_out(
    project: TestProject, ingest: Api, broken: pytest.MonkeyPatch
) -> None:
    bury(ingest, broken, {"path": "/a"})
    Project.objects.filter(pk=project.row.pk).update(deleted_at=datetime.now(UTC))

    done = replay_letters(find_open(), "alice", "")

    assert (done.replayed, done.skipped) == (0, 1)


def test_a_letter_is_discarded_with_a_reason(
    project: TestProject, ingest: Api, broken: pytest.MonkeyPatch
) -> None:
    bury(ingest, broken, {"path": "/a"})
    [letter_id] = find_open()
    with pytest.raises(ValueError, match="reason"):
        discard_letters([letter_id], "alice", " ")

    assert discard_letters([letter_id], "alice", "a test of ours") == 1
    assert discard_letters([letter_id], "alice", "again") == 0

    assert list(find_open()) == []
    assert replay_letters([letter_id], "alice", "").replayed == 0
    assert books_of(project) == (1, 0, 0, 1, 0)


def test_an_edited_payload_is_what_a_replay_sends(ingest: Api, broken: pytest.MonkeyPatch) -> None:
    bury(ingest, broken, {"path": "/typo", "eventId": "mine"})
    [letter_id] = find_open()

    edit_letter(letter_id, b'{"path": "/mended"}', "alice", "typo")
    edit_letter(letter_id, b'{"path": "/mended/twice"}', "alice", "typo")
    replay_letters([letter_id], "alice", "")
    drain(0)

    [event] = read_events()
    assert (event["path"], event["eventId"]) == ("/mended/twice", "mine")
    [letter] = read_letters()
    assert b"/typo" in letter["original"]
    assert [note["action"] for note in letter["history"]] == ["edited", "edited", "replayed"]
    with pytest.raises(NotDead):
        edit_letter(letter_id, b'{"path": "/late"}', "alice", "")


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b"nonsense",
        b'{"path": "/a", "eventId": "other"}',
        b'{"path": "/a", "timestamp": "9999-12-31T23:59:59Z"}',
    ],
)
def test_an_edit_that_could_not_be_stored_or_is_another_event_is_refused(
    payload: bytes, ingest: Api, broken: pytest.MonkeyPatch
) -> None:
    bury(ingest, broken, {"path": "/a", "eventId": "mine"})
    [letter_id] = find_open()

    with pytest.raises(InvalidEvent):
        edit_letter(letter_id, payload, "alice", "")


@pytest.mark.parametrize(
    ("payload", "dated"),
    [
        (b'{"path": "/a"}', b'{"timestamp":"2026-03-01T12:30:15.250+00:00","path": "/a"}'),
        (b"{}", b'{"timestamp":"2026-03-01T12:30:15.250+00:00"}'),
        (b'{"timestamp":null}', b'{"timestamp":"2026-03-01T12:30:15.250+00:00"}'),
        (b'{"timestamp": "2026-01-01"}', b'{"timestamp": "2026-01-01"}'),
        (b"[1]", b"[1]"),
        (b"\xff{", b"\xff{"),
    ],
)
def test_a_payload_without_a_time_gets_that_of_its_acceptance(payload: bytes, dated: bytes) -> None:
    assert date_payload(payload, ACCEPTED_AT) == dated


@pytest.mark.parametrize(
    ("rule", "shown"),
    [("keep", '"203.0.113.7"'), ("truncate", '"203.0.113.0"'), ("drop", "null")],
)
def test_a_payload_is_shown_under_the_rule_for_addresses(rule: str, shown: str) -> None:
    assert show_payload(b'{"ip": "203.0.113.7"}', rule) == f'{{"ip": {shown}}}'


@pytest.mark.parametrize(
    "payload",
    [
        rb'{"\u0069p": "203.0.113.7"}',
        rb'{"i\u0070" : "203.0.113.7"}',
        rb'{"ip": "203.0.113\u002e7"}',
        rb'{"a": "\"", "ip": "203.0.113.7"}',
        rb'{"ip": "203.0.113.7\u0000"}',
        rb'{"ip": "\ud800"}',
    ],
)
def test_an_address_is_hidden_however_it_is_spelled(payload: bytes) -> None:
    shown = json.loads(show_payload(payload, "drop"))

    assert shown["ip"] is None


def run_command(**options: Any) -> str:
    output = StringIO()
    call_command("replay_dead_letters", stdout=output, **options)
    return output.getvalue()


def test_the_command_replays_what_is_chosen(
    project: TestProject, other_project: TestProject, ingest: Api, broken: pytest.MonkeyPatch
) -> None:
    bury(ingest, broken, {"path": "/a"}, {"path": "/b"}, {"path": "/c"})
    first, *_ = find_open()

    assert "0 dead letters would" in run_command(project=other_project.id.hex(), dry_run=True)
    assert "0 dead letters would" in run_command(reason="not_encodable", dry_run=True)
    assert "3 dead letters would" in run_command(reason="invalid", dry_run=True)
    assert waiting_events() == 0
    assert "1 dead letters replayed, 0 left out" in run_command(id=[first.hex()], why="tried")
    assert "2 dead letters replayed" in run_command(project=project.id.hex())
    assert drain(0).stored == 3


def test_the_command_says_when_the_stream_is_full(
    ingest: Api, broken: pytest.MonkeyPatch, settings: Any
) -> None:
    bury(ingest, broken, {"path": "/a"}, {"path": "/b"})
    settings.STREAM_MAX_EVENTS = 1

    with pytest.raises(CommandError, match="What was not replayed is as it was"):
        run_command()


def test_a_letter_of_somebody_not_to_be_followed_is_replayed_as_no_bot(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rules(project, honours_do_not_track=True)
    Page(make_public_key(project)).send({"path": "/a"}, HTTP_DNT="1")

    def refuse(session: Any, events: Any) -> None:
        if events:
            raise OperationFailure("object to insert too large", 10334)

    with monkeypatch.context() as refusing:
        refusing.setattr("ingestion.store.transaction.insert_events", refuse)
        assert drain(0).dead == 1
    replay_letters(find_open(), "alice", "mended")
    assert drain(0).stored == 1

    [event] = collection(EVENTS).find({"project": project.id})
    assert (event["browser"], event.get("bot")) == ("Firefox", None)
    assert not {"visitor", "anonymous", "ip", "userAgent"} & event.keys()
