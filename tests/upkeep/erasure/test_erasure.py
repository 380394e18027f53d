"""Erasing a user: nothing of them stays, nothing else goes, and the books balance."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import bson
import pytest
from django.core.management import CommandError, call_command

from analytics.databases.mongo import (
    DEAD_LETTERS,
    DUPLICATES,
    ERASURE_DAYS,
    ERASURES,
    EVENTS,
    Document,
    collection,
    database,
)
from analytics.events.ids import event_key
from columns import change, forget
from columns.export import export_project
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject, make_project
from tests.poison import accept_poison
from tests.stored import store_events
from tests.upkeep.erasure.erasures import (
    ask_to_erase,
    erase,
    finish_erasure,
    reach_everything,
    read_job,
)
from upkeep.erasure import events as erasing
from upkeep.erasure import letters as redacting
from upkeep.erasure import run
from upkeep.jobs.job import MustWait
from upkeep.ledger.lines import compact_ledger, read_ledger
from upkeep.retention import apply_retention
from upkeep.rollups.compaction import compact_summaries
from upkeep.rollups.copies import build_days, build_months
from upkeep.verify.days import find_days
from upkeep.verify.rebuild import rebuild_day
from upkeep.verify.verify import verify_day

DAY = datetime(2026, 3, 5, tzinfo=UTC)
MALLORY = "mallory@example.com"


def visits(user_id: str | None, moments: Sequence[datetime], **fields: Any) -> list[dict[str, Any]]:
    known = {} if user_id is None else {"userId": user_id}
    return [{"path": "/a", "timestamp": moment, **known, **fields} for moment in moments]


def hours(count: int, start: datetime = DAY) -> list[datetime]:
    return [start + timedelta(hours=n) for n in range(count)]


def find_differences(project: TestProject) -> list[Any]:
    return [found for day in find_days(project.id) for found in verify_day(project.id, day)]


def read_stats(project: TestProject, **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = Api(project.read_key).get("/stats", **query).json()
    return {name: answer[name] for name in ("totalViews", "uniqueUsers", "visitors", "topPaths")}


def everything_stored() -> bytes:
    """Every document of the database, as BSON."""
    return b"".join(
        bson.encode(document)
        for name in database().list_collection_names()
        for document in collection(name).find()
    )


def test_reports_know_nothing_of_an_erased_user_any_more(project: TestProject) -> None:
    store_events(project, visits("alice", hours(5)))
    expected = read_stats(project), read_stats(project, exact="true")
    store_events(project, visits(MALLORY, hours(30), sessionId="s-1", properties={"n": 1}))
    compact_summaries()
    build_days(quiet=timedelta(0))
    build_months(quiet=timedelta(0))
    assert read_stats(project)["uniqueUsers"] == 2

    counts = erase(project, MALLORY)

    assert (counts["events"], counts["buckets"]) == (30, 30)
    assert (read_stats(project), read_stats(project, exact="true")) == expected
    assert find_differences(project) == []
    by_user = Api(project.read_key).get("/stats/breakdown", by="userId").json()
    assert [row["value"] for row in by_user["results"]] == ["alice"]


def test_nothing_that_is_stored_names_an_erased_user(project: TestProject) -> None:
    store_events(
        project,
        visits(MALLORY, hours(3), sessionId="session-of-m", properties={"mail": MALLORY}),
        ip="198.51.100.7",
    )
    compact_summaries()
    assert MALLORY.encode() in everything_stored()

    erase(project, MALLORY)

    left = everything_stored()
    for trace in (MALLORY, "session-of-m", "198.51.100.", "Mozilla/5.0"):
        assert trace.encode() not in left
    tombstone = collection(EVENTS).find_one({})
    assert tombstone is not None
    assert tombstone.keys() == {"_id", "place", "erased"}


def test_other_users_and_other_projects_keep_their_events(
    project: TestProject, other_project: TestProject
) -> None:
    for owner in (project, other_project):
        store_events(owner, visits(MALLORY, hours(2)) + visits("mallory", hours(2)))
    store_events(project, visits(None, hours(2)))

    assert erase(project, MALLORY)["events"] == 2

    assert collection(EVENTS).count_documents({"project": project.id}) == 4
    assert collection(EVENTS).count_documents({"project": other_project.id}) == 4


def test_an_erased_event_that_is_sent_again_is_a_duplicate(
    project: TestProject, ingest: Api
) -> None:
    event = {"path": "/a", "eventId": "order-7", "userId": MALLORY}
    ingest.post("/event", event)
    drain(0)
    erase(project, MALLORY)

    assert ingest.post("/event", event).status_code == 202
    result = drain(0)

    assert (result.stored, result.duplicates) == (0, 1)
    receipt = ingest.get("/event/order-7").json()
    assert receipt["state"] == "erased"
    erased_at = datetime.fromisoformat(receipt["erasedAt"])
    assert abs(datetime.now(UTC) - erased_at) < timedelta(minutes=1)


def test_the_books_show_what_was_erased_as_a_part_of_what_was_stored(
    project: TestProject, ingest: Api
) -> None:
    ingest.post("/events", [{"path": "/a", "userId": MALLORY, "eventId": f"{n}"} for n in range(3)])
    ingest.post("/event", {"path": "/a", "userId": "alice"})
    drain(0)

    erase(project, MALLORY)

    for _ in range(2):
        [line] = read_ledger(project.id)
        assert (line.accepted, line.stored, line.erased, line.difference) == (4, 4, 3, 0)
        compact_ledger()


def test_events_that_wait_are_erased_once_they_are_stored(
    project: TestProject, ingest: Api
) -> None:
    ingest.post("/event", {"path": "/a", "userId": MALLORY})
    erasure = ask_to_erase(project, MALLORY)

    assert finish_erasure(erasure)["step"] == "drain"
    drain(0)
    job = finish_erasure(erasure)

    assert (job["step"], job["counts"]["events"]) == ("done", 1)


def test_events_accepted_after_the_request_are_kept(project: TestProject, ingest: Api) -> None:
    ingest.post("/event", {"path": "/before", "userId": MALLORY})
    erasure = ask_to_erase(project, MALLORY)
    ingest.post("/event", {"path": "/after", "userId": MALLORY})
    drain(0)

    assert finish_erasure(erasure)["counts"]["events"] == 1

    [kept] = collection(EVENTS).find({"project": project.id})
    assert kept["path"] == "/after"
    assert find_differences(project) == []


def test_what_another_project_leaves_in_the_stream_holds_nobody_up(
    project: TestProject, other_project: TestProject, ingest: Api
) -> None:
    Api(other_project.ingest_key).post("/event", {"path": "/stuck"})

    assert finish_erasure(ask_to_erase(project, MALLORY))["step"] == "done"


def test_dead_letters_of_the_user_are_emptied_and_stay_in_the_books(
    project: TestProject, ingest: Api
) -> None:
    accept_poison(project, "theirs", user_id=MALLORY)
    accept_poison(project, "alices", user_id="alice")
    drain(0)

    assert erase(project, MALLORY)["deadLetters"] == 1

    letters = {letter["eventKey"]: letter for letter in collection(DEAD_LETTERS).find()}
    theirs = letters[event_key(project.id, "theirs")]
    assert (theirs["status"], theirs["payload"], theirs["eventId"]) == ("erased", b"", "")
    assert (theirs["ip"], theirs["detail"], theirs["reason"]) == (None, "", "invalid")
    assert letters[event_key(project.id, "alices")]["status"] == "dead"
    assert ingest.get("/event/theirs").json()["state"] == "erased"
    [line] = read_ledger(project.id)
    assert (line.dead, line.difference) == (2, 0)


@pytest.mark.parametrize(
    ("payload", "is_theirs"),
    [
        (b'{"userId": "mallory@example.com"}', True),
        (b'{"userId": "mallory\\u0040example.com", "x": [1]}', True),
        (b'{"userId": "mallory@example.com", ', True),
        (b'{"userId": "mallory@example.commercial"}', False),
        (b'{"userId": "alice", "properties": {"friend": "mallory@example.com"}}', False),
        (b'{"userId": 7}', False),
        (b"[]", False),
    ],
)
def test_a_letter_is_the_users_where_its_payload_says_so(payload: bytes, is_theirs: bool) -> None:
    assert redacting.is_of_user({"payload": payload}, MALLORY) is is_theirs


def test_duplicates_of_erased_events_forget_what_they_are_of(
    project: TestProject, ingest: Api
) -> None:
    for user_id in (MALLORY, "alice"):
        for _ in range(2):
            ingest.post("/event", {"path": "/a", "eventId": user_id, "userId": user_id})
    drain(0)

    assert erase(project, MALLORY)["duplicates"] == 1

    found = [duplicate.get("event") for duplicate in collection(DUPLICATES).find()]
    assert sorted(found, key=bool) == [None, event_key(project.id, "alice")]
    [line] = read_ledger(project.id)
    assert (line.duplicate, line.difference) == (2, 0)


@pytest.mark.parametrize("others", ["7fffffffffffffff", "8000000000000001"])
def test_letters_and_duplicates_of_projects_with_lower_and_higher_ids_are_left_alone(
    store: None, others: str
) -> None:
    """Also by an erasure that an older release left among the letters of another."""
    project, other = make_project(id="8000000000000000"), make_project(id=others)
    for each in (other, project):
        for event_id in ("a", "b"):
            accept_poison(each, f"poison-{event_id}", user_id=MALLORY)
            for _ in range(2):
                Api(each.ingest_key).post(
                    "/event", {"path": "/", "eventId": event_id, "userId": MALLORY}
                )
        drain(0)
    names = (DEAD_LETTERS, DUPLICATES)
    theirs = [
        [found for found in collection(name).find() if found["_id"].startswith(other.id)]
        for name in names
    ]

    erasure_id = ask_to_erase(project, MALLORY)
    collection(ERASURES).update_one({"_id": erasure_id}, {"$set": {"cursor": theirs[0][0]["_id"]}})
    counts = finish_erasure(erasure_id)["counts"]

    assert (counts["deadLetters"], counts["duplicates"]) == (2, 2)
    assert [len(found) for found in theirs] == [2, 2]
    for name, found in zip(names, theirs, strict=True):
        kept = list(collection(name).find({"_id": {"$in": [record["_id"] for record in found]}}))
        assert kept == found


def test_a_tombstone_stays_as_long_as_its_event_would_have(store: None) -> None:
    project = make_project(retention_days=30)
    now = datetime.now(UTC)
    store_events(project, visits(MALLORY, hours(1, now - timedelta(days=2))))
    [event] = collection(EVENTS).find({})

    erase(project, MALLORY)

    [tombstone] = collection(EVENTS).find({})
    assert tombstone["expiresAt"] == event["expiresAt"]
    project.row.retention_days = 90
    project.row.save()
    assert apply_retention() == 1
    [tombstone] = collection(EVENTS).find({})
    assert tombstone["expiresAt"] == event["expiresAt"] + timedelta(days=60)


def test_many_events_are_erased_in_parts(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "SCAN_EVENTS", 7)
    monkeypatch.setattr(erasing, "ERASE_EVENTS", 3)
    monkeypatch.setattr(redacting, "DUPLICATES", 2)
    monkeypatch.setattr(redacting, "LETTERS", 1)
    moments = [DAY] * 20 + hours(10)
    store_events(project, visits(MALLORY, moments) + visits("alice", moments))

    counts = erase(project, MALLORY)

    assert (counts["events"], counts["buckets"]) == (30, 10)
    assert collection(EVENTS).count_documents({"project": project.id}) == 30
    assert collection(ERASURE_DAYS).count_documents({}) == 0
    assert find_differences(project) == []


def test_the_check_of_the_books_counts_tombstones_as_stored(
    project: TestProject, ingest: Api
) -> None:
    ingest.post("/events", [{"path": "/a", "userId": MALLORY, "eventId": f"{n}"} for n in range(3)])
    drain(0)
    erase(project, MALLORY)

    call_command("ledger", "--deep", wait=0, stdout=StringIO())

    collection(EVENTS).update_one({}, {"$unset": {"erased": ""}})
    output = StringIO()
    with pytest.raises(CommandError, match="do not balance"):
        call_command("ledger", "--deep", wait=0, stdout=output)
    assert "3 erased in the books, 2 documents" in output.getvalue()


def test_a_user_is_erased_by_a_command(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which deletes the replaced files, too: there may be no worker."""
    monkeypatch.setattr(forget, "READ_TIME", timedelta(0))
    monkeypatch.setattr(change, "READ_TIME", timedelta(0))
    ingest.post("/events", [{"path": "/a", "userId": MALLORY}, {"path": "/a", "userId": "alice"}])
    accept_poison(project, user_id=MALLORY)
    drain(0)
    export_project(project.id)

    def run(*options: str) -> list[str]:
        output = StringIO()
        call_command("erase_user", MALLORY, *options, project=project.id.hex(), stdout=output)
        return output.getvalue().splitlines()

    assert run("--dry-run") == ["1 events, 1 deadLetters"]
    *_, state, counts = run()
    assert (state, counts.split(", ")[:2]) == ("done", ["1 events", "1 deadLetters"])
    assert run("--dry-run") == ["0 events, 0 deadLetters"]


def test_verifying_and_rebuilding_do_not_see_tombstones(project: TestProject) -> None:
    store_events(project, visits(MALLORY, hours(2)) + visits("alice", hours(1)))
    erase(project, MALLORY)

    days = find_days(project.id)
    assert [rebuild_day(project.id, day) for day in days] == [1]
    assert find_differences(project) == []


def test_verifying_between_erasing_and_rebuilding_finds_nothing_wrong(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_events(project, visits(MALLORY, hours(3)) + visits("alice", hours(5)))
    seen: list[Any] = []

    def look(job: Any) -> None:
        seen.append(find_differences(project))
        raise MustWait

    monkeypatch.setitem(run.ERASURES.strides, "buckets", look)
    erasure = ask_to_erase(project, MALLORY)
    reach_everything(erasure)
    finish_erasure(erasure)

    assert (read_job(erasure)["step"], seen) == ("buckets", [[]])


def test_a_job_that_is_done_forgets_whom_it_erased(project: TestProject) -> None:
    erasure = ask_to_erase(project, MALLORY)
    finish_erasure(erasure)

    job: Document = read_job(erasure)
    assert "userId" not in job
    assert job["finishedAt"] >= job["requestedAt"]
