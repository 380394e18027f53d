"""Deleting a project: its keys stop, what was accepted is counted, everything of it goes."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import bson
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from analytics.databases import mongo
from analytics.databases.documents import JobDocument
from analytics.databases.mongo import collection, database
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import stream_key
from analytics.events.entry import AcceptedEvent
from analytics.keys.lookup import forget_keys
from analytics.keys.refusals import flush_refusals
from analytics.projects.models import ApiKey, Project
from analytics.remembered import forget_everything
from ingestion.accept.admit import Sender, admit
from ingestion.drain.loop import drain
from people.saved.models import Goal, SavedFunnel, Segment
from people.saved.notes import make_note, place, write_note
from people.saved.pins import pin
from tests.conftest import Api, TestProject
from tests.drain.test_fuse import accept_entries
from tests.pages import Page, make_public_key
from tests.poison import accept_poison, record_of
from tests.upkeep.erasure.erasures import ask_to_erase
from tests.workers import waiting_events
from upkeep.deletion import data, run
from upkeep.deletion.job import Deletion, ask_deletion, find_deletion
from upkeep.jobs import job as jobs
from upkeep.jobs.engine import run_job
from upkeep.ledger.lines import read_ledger
from upkeep.rollups.compaction import compact_summaries
from upkeep.rollups.copies import build_days, build_months
from upkeep.rollups.runs import collect_garbage

KEPT = {"projects", "api_keys", "project_deletions", "audit"}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SETTLE", timedelta(0))
    monkeypatch.setattr(run, "REST", timedelta(0))


def fill(project: TestProject) -> None:
    """Five stored, one duplicate, one dead; rollups, copies, and an erasure that was asked for."""
    ingest = Api(project.ingest_key)
    moment = datetime(2026, 3, 5, tzinfo=UTC)
    for n in range(5):
        event = {"path": f"/{n}", "eventId": f"id-{n}", "userId": "mallory"}
        ingest.post("/event", {**event, "timestamp": (moment + timedelta(days=n)).isoformat()})
    ingest.post("/event", {"path": "/0", "eventId": "id-0"})
    accept_poison(project)
    Page(make_public_key(project)).send({})  # refused
    flush_refusals()
    drain(0)
    compact_summaries()
    build_days(quiet=timedelta(0))
    build_months(quiet=timedelta(0))
    ask_to_erase(project, "mallory")
    keep_something(project)


def keep_something(project: TestProject) -> None:
    """Of everything that people keep of a project."""
    row = project.row
    Segment.objects.create(project=row, name="Readers", filters=["is:path:/0"])
    SavedFunnel.objects.create(project=row, name="Way", question="s=page:/0&s=page:/1")
    Goal.objects.create(project=row, name="Orders", value="order")
    pin(User.objects.get_or_create(username="alice")[0].pk, row.pk)
    note = make_note(row, "Version 41", "alice")
    place(note, datetime(2026, 3, 5, tzinfo=UTC), UTC)
    write_note(note)
    for name in mongo.SAVED:
        assert collection(name).count_documents({"project_id": row.pk}) == 1, name


def delete(project: TestProject) -> JobDocument:
    ask_deletion(project.row, "a test")
    return go_on(project)


def go_on(project: TestProject) -> JobDocument:
    run_job(run.DELETIONS, project.row.id)
    job = find_deletion(project.row.id)
    assert job is not None
    return job


def find_traces(project: TestProject) -> set[str]:
    """The collections and keys of Redis that still hold the project's id."""
    forms = (project.id, project.row.id.encode())
    traces = {
        name
        for name in database().list_collection_names()
        for document in collection(name).find()
        if any(form in bson.encode(document) for form in forms)
    }
    client: Any = stream_client()
    for key in client.keys("*"):
        if any(form in key + (client.dump(key) or b"") for form in forms):
            traces.add(key.decode())
    return traces


def test_everything_of_the_project_goes_and_nothing_else(
    project: TestProject, other_project: TestProject
) -> None:
    fill(project)
    fill(other_project)

    job = delete(project)

    assert job["step"] == "done"
    assert find_traces(project) == KEPT
    assert collection(mongo.EVENTS).count_documents({"project": other_project.id}) == 5
    answer = Api(other_project.read_key).get("/stats").json()
    assert (answer["totalViews"], answer["uniqueUsers"]) == (5, 1)
    [line] = read_ledger()
    assert (line.project_id, line.difference) == (other_project.id, 0)
    assert collection(mongo.ERASURES).count_documents({}) == 1


def test_what_redis_counts_by_its_public_keys_goes_too(project: TestProject) -> None:
    key = make_public_key(project)
    Page(key).send({"path": "/a"})
    drain(0)

    delete(project)

    assert not [name for name in stream_client().keys("*") if key.id.encode() in name]
    forget_keys()
    assert Page(key).send({"path": "/a"}).status_code == 401  # of a page that does not know it yet
    flush_refusals()
    assert find_traces(project) == KEPT


def test_its_rollups_go_with_the_garbage_of_replaced_ones(project: TestProject) -> None:
    fill(project)
    delete(project)

    collection(mongo.ROLLUP_GARBAGE).update_many({}, {"$set": {"dueAt": datetime.now(UTC)}})
    assert collect_garbage() > 5

    for name in (mongo.ROLLUP_CHUNKS, mongo.ROLLUP_GARBAGE):
        assert collection(name).count_documents({}) == 0


def test_the_document_that_stays_says_what_there_was(project: TestProject) -> None:
    fill(project)

    job = delete(project)

    books = {name: job["counts"][name] for name in ("accepted", "stored", "duplicate", "dead")}
    assert books == {"accepted": 7, "stored": 5, "duplicate": 1, "dead": 1}
    removed = {name: job["counts"][name] for name in ("events", "deadLetters", "days", "erasures")}
    assert removed == {"events": 5, "deadLetters": 1, "days": 5, "erasures": 1}
    assert list(job["eventsByMonth"].values()) == [7]
    assert (job["name"], job["requestedBy"]) == ("Test", "a test")
    assert job["finishedAt"] >= job["requestedAt"]


def test_its_keys_stop_at_once_and_cannot_be_replaced(project: TestProject) -> None:
    ask_deletion(project.row, "a test")

    forget_keys()  # as the 8 seconds do that a process knows a key for
    for key in (project.ingest_key, project.read_key, project.admin_key):
        assert Api(key).get("/event/x").status_code == 401
    deleted = Project.objects.get(pk=project.row.pk)
    with pytest.raises(ValidationError, match="deleted"):
        ApiKey.issue(deleted, "Again", ["ingest"])
    with pytest.raises(CommandError, match="no project"):
        call_command("create_api_key", project=deleted.pk, name="x", scopes="read")


def test_a_form_that_was_open_does_not_bring_the_project_back(project: TestProject) -> None:
    stale = Project.objects.get(pk=project.row.pk)
    ask_deletion(project.row, "a test")

    stale.name = "Renamed"
    stale.save()

    row = Project.objects.get(pk=project.row.pk)
    assert (row.name, row.deleted_at is None) == ("Renamed", False)
    forget_keys()
    assert Api(project.ingest_key).get("/event/x").status_code == 401


def test_events_that_wait_are_stored_and_counted_first(project: TestProject) -> None:
    ingest = Api(project.ingest_key)
    ingest.post("/events", [{"path": "/a"}] * 3)
    ask_deletion(project.row, "a test")

    assert go_on(project)["step"] == "drain"
    drain(0)
    job = go_on(project)

    assert (job["step"], job["counts"]["stored"], job["counts"]["events"]) == ("done", 3, 3)
    assert waiting_events() == 0


def test_an_open_fuse_does_not_hold_it_up(project: TestProject) -> None:
    accept_entries(project, 110, events=10)
    drain(0)
    assert collection(mongo.FUSES).count_documents({}) == 1
    assert waiting_events() > 0

    ask_deletion(project.row, "a test")
    assert go_on(project)["step"] == "drain"
    forget_everything()  # as 10 seconds do
    drain(0)
    job = go_on(project)

    assert (job["step"], job["counts"]["dead"], job["counts"]["deadLetters"]) == (
        "done",
        1_100,
        1_100,
    )
    assert waiting_events() == 0
    # The consumer that held the entries back is forgotten once it was idle for an hour.
    assert find_traces(project) == KEPT | {stream_key(0)}


def test_it_waits_for_processes_that_still_know_the_keys(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SETTLE", timedelta(hours=1))
    fill(project)

    assert delete(project)["step"] == "settle"

    assert collection(mongo.EVENTS).count_documents({"project": project.id}) == 5


def test_what_is_in_flight_while_the_data_goes_is_waited_for(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "REST", timedelta(hours=1))
    fill(project)
    assert delete(project)["step"] == "rest"
    fresh = {"project": project.id, "bucket": datetime(2026, 3, 5, tzinfo=UTC), "tables": {}}
    collection(mongo.SUMMARIES).insert_one(fresh)
    assert go_on(project)["step"] == "rest"

    begun = datetime.now(UTC) - timedelta(hours=2)
    collection(mongo.PROJECT_DELETIONS).update_one({}, {"$set": {"cursor": begun}})

    assert go_on(project)["step"] == "done"
    assert collection(mongo.SUMMARIES).count_documents({}) == 0


def test_entries_of_a_deleted_project_are_drained_and_removed_by_asking_again(
    project: TestProject,
) -> None:
    record = record_of(project)
    fill(project)
    delete(project)
    admit(Sender(record, None, None), [AcceptedEvent("late", b'{"path": "/late"}')])
    assert drain(0).stored == 1

    job = delete(project)

    assert (job["step"], job["counts"]["accepted"], job["counts"]["events"]) == ("done", 8, 6)
    assert collection(mongo.EVENTS).count_documents({}) == 0
    assert read_ledger() == []


def test_it_goes_on_wherever_it_is_interrupted(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "DELETE_DOCUMENTS", 2)
    monkeypatch.setattr(data, "DELETE_HEADS", 2)
    fill(project)
    ask_deletion(project.row, "a test")
    save, met = jobs._save, set()

    def interrupt(job: Deletion, *args: Any) -> None:
        save(job, *args)  # within the transaction, which is aborted
        if (point := (job.step, "save")) not in met:
            met.add(point)
            raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "_save", interrupt)
    for _ in run.DELETIONS.strides:
        with pytest.raises(KeyboardInterrupt):
            go_on(project)
    job = go_on(project)

    assert len(met) == len(run.DELETIONS.strides)
    assert job["step"] == "done"
    assert (job["counts"]["events"], job["counts"]["stored"]) == (5, 5)
    assert find_traces(project) == KEPT


def test_a_command_deletes_a_project_by_its_id_and_name(project: TestProject) -> None:
    fill(project)
    output = StringIO()

    with pytest.raises(CommandError, match="another name"):
        call_command("delete_project", project.row.pk, confirm="Tset", stdout=output)
    assert find_deletion(project.row.pk) is None
    call_command("delete_project", project.row.pk, confirm="Test", stdout=output)

    *_, state, counts = output.getvalue().splitlines()
    assert state == "done"
    assert counts.startswith("5 events, 1 duplicates, 1 deadLetters")
