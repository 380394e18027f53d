"""Alerts, on real stores: they fire once, again after their pause, and say when it is over."""

from datetime import datetime, timedelta

import pytest

from analytics.databases.mongo import collection
from ingestion.drain.loop import drain
from notices.outbox import notices as outbox
from notices.rules import alerts, keeping
from people.saved.models import Goal
from tests.conftest import Api, TestProject
from tests.notices.rules import HOOK, MAIL, add_alert, at, look, look_until, notices, read
from tests.stored import ENRICHED, store_events

HOUR = timedelta(hours=1)
MADE = at("2025-05-01 09:30")


def visit(project: TestProject, when: datetime, people: int, **fields: object) -> None:
    store_events(
        project,
        [{"path": "/", "userId": f"u{n}", "timestamp": when, **fields} for n in range(people)],
    )


def words(project: TestProject) -> list[tuple[str, str]]:
    """What was said, and of which window."""
    told: list[tuple[str, str]] = []
    for notice in notices(project):
        facts = notice["facts"]
        assert facts["kind"] == "alert"
        told.append((facts["what"], facts["window"]["start"][:16]))
    return told


def test_a_finished_unit_fires_then_again_and_then_it_is_over(project: TestProject) -> None:
    for hour in (10, 11, 12):
        visit(project, at(f"2025-05-01 {hour}:15"), 5)
    add_alert(project, MADE, value=4, unit="hour", pauseMinutes=120)

    look_until(MADE, at("2025-05-01 15:30"), timedelta(minutes=10))

    assert words(project) == [
        ("fired", "2025-05-01T10:00"), ("again", "2025-05-01T12:00"), ("over", "2025-05-01T13:00"),
    ]  # fmt: skip
    fired = notices(project)[0]
    assert fired["madeAt"] == at("2025-05-01 11:10")
    assert fired["facts"]["path"] == (
        f"/p/{project.row.pk}/?from=2025-05-01T10:00:00%2B00:00&to=2025-05-01T11:00:00%2B00:00"
    )


def test_what_was_before_it_was_made_does_not_fire(project: TestProject) -> None:
    visit(project, at("2025-05-01 08:15"), 5)
    rule = add_alert(project, MADE, value=4, unit="hour")

    look_until(MADE, at("2025-05-01 12:00"), timedelta(minutes=10))

    assert words(project) == []
    assert read(project, rule)["value"] == 0


def test_a_unit_that_runs_fires_as_soon_as_it_holds(project: TestProject) -> None:
    visit(project, at("2025-05-01 10:15"), 5)
    add_alert(project, MADE, value=4, unit="hour", running=True, pauseMinutes=60)

    look_until(MADE, at("2025-05-01 13:00"), timedelta(minutes=10))

    made = [(notice["madeAt"], word) for notice, (word, _) in
            zip(notices(project), words(project), strict=True)]  # fmt: skip
    # Events dated later than now are there from the start: the hour holds when it has begun.
    assert made == [(at("2025-05-01 10:00"), "fired"), (at("2025-05-01 12:00"), "over")]


def test_silence_fires_after_so_long_and_ends_with_an_event(project: TestProject) -> None:
    visit(project, at("2025-05-01 09:50"), 1)
    visit(project, at("2025-05-01 12:10"), 1)
    add_alert(project, MADE, how="silent", metric="events", silentMinutes=60)

    for minute in ("09:52", "10:51", "10:52", "11:30", "12:11", "12:12", "12:30"):
        look(at(f"2025-05-01 {minute}"))

    told = [(facts["what"], facts["madeAt"][:16])
            for facts in (notice["facts"] for notice in notices(project))
            if facts["kind"] == "alert"]  # fmt: skip
    assert told == [("fired", "2025-05-01T10:52"), ("over", "2025-05-01T12:12")]


def test_a_change_is_of_the_same_hour_a_week_earlier(project: TestProject) -> None:
    """In a zone whose clocks went on in between."""
    type(project.row).objects.filter(pk=project.row.pk).update(
        zones=[{"decided": 0, "since": 0, "zone": "Europe/Berlin"}], time_zone="Europe/Berlin"
    )
    visit(project, at("2025-03-24 09:15"), 9)  # 10:15 in Berlin
    visit(project, at("2025-03-31 08:15"), 3)  # and so is this
    add_alert(
        project, at("2025-03-31 08:30"), how="changed", unit="hour", value=0.5,
        against="week", direction="down", smallest=5,
    )  # fmt: skip

    look(at("2025-03-31 09:05"))

    [notice] = notices(project)
    facts = notice["facts"]
    assert facts["kind"] == "alert"
    assert facts["window"]["start"] == "2025-03-31T10:00:00+02:00"
    assert facts["compared"] and facts["compared"]["start"] == "2025-03-24T10:00:00+01:00"
    assert (facts["figure"]["value"], facts["figure"]["before"]) == (3, 9)


def test_filters_and_goals_say_what_is_counted_and_bots_are_not(project: TestProject) -> None:
    goal = Goal.objects.create(project=project.row, name="Signup", what="event", value="signup")
    visit(project, at("2025-05-01 10:15"), 2, event="signup", path="/other")
    visit(project, at("2025-05-01 10:15"), 9, path="/other")
    bot = {ENRICHED: {"bot": "GPTBot"}}
    visit(project, at("2025-05-01 10:20"), 9, event="signup", **bot)
    add_alert(project, MADE, value=1, unit="hour", goal=goal.pk, metric="conversions")
    add_alert(project, MADE, value=8, unit="hour", filters=["is:path:/other"])
    add_alert(project, MADE, value=9, unit="hour", filters=["is:path:/other"])

    look(at("2025-05-01 11:05"))

    figures = [notice["facts"]["figure"] for notice in notices(project)
               if notice["facts"]["kind"] == "alert"]  # fmt: skip
    assert sorted((each["metric"], each["value"]) for each in figures) == [
        ("conversions", 2), ("visitors", 9),
    ]  # fmt: skip


def test_each_target_has_a_notice_of_its_own(project: TestProject) -> None:
    visit(project, at("2025-05-01 10:15"), 5)
    add_alert(project, MADE, MAIL, HOOK, value=4, unit="hour")

    look(at("2025-05-01 11:05"))

    assert sorted(notice["target"]["kind"] for notice in notices(project)) == ["mail", "webhook"]
    assert len({notice["key"] for notice in notices(project)}) == 2


def test_a_rule_that_cannot_be_judged_says_so_and_stops_no_other(project: TestProject) -> None:
    goal = Goal.objects.create(project=project.row, name="Signup", what="event", value="signup")
    broken = add_alert(project, MADE, value=0, unit="hour", goal=goal.pk, metric="conversions")
    failing = add_alert(project, MADE, value=0, unit="hour")
    collection("notice_rules").update_one(
        {"_id": failing["_id"]}, {"$set": {"alert.metric": "nothing"}}
    )
    visit(project, at("2025-05-01 10:15"), 5)
    add_alert(project, MADE, value=4, unit="hour")
    goal.discard()

    look(at("2025-05-01 11:05"))

    assert words(project) == [("fired", "2025-05-01T10:00")]
    troubles = [read(project, rule)["trouble"] for rule in (broken, failing)]
    assert [trouble and trouble["code"] for trouble in troubles] == [
        "goal_deleted", "unknown_metric",
    ]  # fmt: skip
    now = at("2025-05-01 11:06")
    standing = {kept.standing for kept in keeping.list_kept(project.row, now)}
    assert standing == {"trouble", "firing"}


def test_it_waits_for_events_that_are_accepted_and_not_stored(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For half an hour, and no longer: something else may hold them."""
    Api(project.ingest_key).post("/event", {"path": "/"})
    rule = add_alert(project, MADE, value=0, how="above", unit="hour")
    monkeypatch.setattr(alerts, "count_waiting", lambda *_: 1)
    look(at("2025-05-01 11:05"))
    looked = [read(project, rule)["lookedAt"]]
    for minute in ("11:31", "11:32", "11:33"):
        look(at(f"2025-05-01 {minute}"))
    looked.append(read(project, rule)["lookedAt"])
    drain(0, force=True)

    assert looked == [None, at("2025-05-01 11:32")]


def test_there_is_room_for_so_many_notices_of_a_project(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_OPEN", 1)
    visit(project, at("2025-05-01 10:15"), 5)
    rule = add_alert(project, MADE, MAIL, HOOK, value=4, unit="hour")

    look(at("2025-05-01 11:05"))

    found = read(project, rule)
    assert notices(project) == []
    assert found["trouble"] and found["trouble"]["code"] == "too_many_waiting"
    assert not found["firing"]
