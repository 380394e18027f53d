"""Reports: each window is told of once, after it, with the numbers of the page."""

from datetime import timedelta
from typing import Any

import pytest

from analytics.databases.mongo import collection
from dashboard.asking import open_desk
from ingestion.drain.loop import drain
from notices.documents import ReportFacts
from notices.rules import keeping, now, reports
from people.saved.models import Goal
from people.saved.notes import make_note, place, write_note
from tests.conftest import Api, TestProject
from tests.notices.rules import MAIL, add_report, at, look, notices, read
from tests.stored import ENRICHED, store_events


def visit(project: TestProject, when: str, who: str, path: str = "/", **fields: object) -> None:
    event = {"path": path, "userId": who, "timestamp": at(when)}
    store_events(project, [event | {ENRICHED: fields} if fields else event])


def reported(project: TestProject) -> list[ReportFacts]:
    return [notice["facts"] for notice in notices(project) if notice["facts"]["kind"] == "report"]


def labels(project: TestProject) -> list[str]:
    return [facts["window"]["start"][:10] for facts in reported(project)]


def test_a_day_is_told_of_on_the_next_at_its_hour_once(project: TestProject) -> None:
    visit(project, "2025-05-01 12:00", "ada")
    rule = add_report(project, "day", 8, at("2025-05-01 13:00"))

    for moment in ("2025-05-02 07:59", "2025-05-02 08:00", "2025-05-02 08:10", "2025-05-03 07:00"):
        look(at(moment))

    [facts] = reported(project)
    assert facts["window"] == {
        "start": "2025-05-01T00:00:00+00:00", "end": "2025-05-02T00:00:00+00:00", "unit": "day",
    }  # fmt: skip
    assert facts["figures"][0] == {
        "metric": "visitors", "value": 1, "before": 0, "change": None, "difference": 1,
    }  # fmt: skip
    assert facts["path"] == f"/p/{project.row.pk}/?from=2025-05-01&to=2025-05-02"
    assert read(project, rule)["lastWindow"] == "2025-05-01"


def test_its_numbers_are_those_of_the_page(project: TestProject) -> None:
    goal = Goal.objects.create(project=project.row, name="Signup", what="event", value="signup")
    for day, who, path in (("2025-05-06", "ada", "/"), ("2025-05-06", "ada", "/b"),
                           ("2025-05-07", "bob", "/"), ("2025-04-30", "ada", "/")):  # fmt: skip
        visit(project, f"{day} 12:00", who, path, country="DE", source="Google")
    store_events(project, [{"path": "/b", "userId": "bob", "event": "signup",
                            "timestamp": at("2025-05-07 12:01")}])  # fmt: skip
    add_report(project, "week", 8, at("2025-05-11 13:00"))

    look(at("2025-05-12 08:00"))

    [facts] = reported(project)
    window = {"start": "2025-05-05", "end": "2025-05-12", "compare": "previous"}
    [page] = open_desk(project.row).ask(window | {"metrics": list(reports.FIGURES)})
    [row] = page["results"]
    assert [figure["value"] for figure in facts["figures"]] == row["metrics"]
    assert [figure["change"] for figure in facts["figures"]] == row["compare"]["change"]
    assert [(rows["field"], [(each["key"], each["value"]) for each in rows["rows"]])
            for rows in facts["lists"]] == [
        ("path", [("/", 2), ("/b", 2)]), ("source", [("Google", 2)]), ("country", [("DE", 2)]),
    ]  # fmt: skip
    assert facts["goals"] == [
        {"id": goal.pk, "name": "Signup", "conversions": 1, "rate": 0.5, "before": 0,
         "change": None},
    ]  # fmt: skip
    assert facts["compared"] and facts["compared"]["start"] == "2025-04-28T00:00:00Z"


def test_notes_and_books_are_in_it(project: TestProject) -> None:
    today = at("2025-05-01 12:00")
    for text in ("Launched", "After the window"):
        note = make_note(project.row, text, "ada")
        place(note, today.date() if text == "Launched" else at("2025-05-02 00:00"), today.tzinfo)  # type: ignore[arg-type]
        write_note(note)
    add_report(project, "day", 8, at("2025-05-01 13:00"))

    look(at("2025-05-02 08:00"))

    [facts] = reported(project)
    assert facts["notes"] == [
        {"at": "2025-05-01T00:00:00+00:00", "isDay": True, "text": "Launched"}
    ]
    assert facts["books"] and facts["books"]["missing"] == 0
    assert facts["events"] == 0


def test_the_books_are_of_the_days_of_the_window(project: TestProject) -> None:
    """By the day of acceptance, which is today."""
    api = Api(project.ingest_key)
    assert api.post("/events", [{"path": "/"}, {"path": "/b"}]).status_code == 202
    drain(0, force=True)
    desk = open_desk(project.row)
    rule = add_report(project, "day", 0, desk.now)
    tomorrow = desk.now + timedelta(days=1)

    notice = now.send_now(project.row, rule["_id"], MAIL, tomorrow)

    facts: Any = notice["facts"]
    assert facts["books"]["accepted"] == facts["books"]["stored"] == 2
    assert facts["isTest"] is True


@pytest.mark.parametrize(
    ("zone", "sent"),
    [
        ("Europe/Berlin", ["2025-03-29 07:00", "2025-03-30 06:00", "2025-03-31 06:00"]),
        ("America/New_York", ["2025-03-29 12:00", "2025-03-30 12:00", "2025-03-31 12:00"]),
    ],
)
def test_it_goes_out_at_the_local_hour_over_a_change_of_the_clocks(
    project: TestProject, zone: str, sent: list[str]
) -> None:
    give_zone(project, zone)
    add_report(project, "day", 8, at("2025-03-28 20:00"))

    moment = at("2025-03-28 20:30")
    while moment <= at("2025-03-31 13:00"):
        look(moment)
        moment += timedelta(minutes=30)

    assert [notice["madeAt"] for notice in notices(project)] == [at(each) for each in sent]


def give_zone(project: TestProject, *zones: Any) -> None:
    rows = [{"decided": 0, "since": 0, "zone": zones[0]}]
    rows += [{"decided": int(decided.timestamp() * 1000), "since": int(since.timestamp() * 1000),
              "zone": zone} for decided, since, zone in zones[1:]]  # fmt: skip
    collection("projects").update_one({"_id": project.row.pk}, {"$set": {"zones": rows}})


def test_a_project_that_moves_is_told_of_no_window_twice(project: TestProject) -> None:
    """From Berlin to New York, from the next midnight there on."""
    change = (at("2025-05-03 10:00"), at("2025-05-04 04:00"), "America/New_York")
    give_zone(project, "Europe/Berlin", change)
    add_report(project, "day", 8, at("2025-05-01 20:00"))

    moment = at("2025-05-01 20:00")
    while moment <= at("2025-05-06 13:00"):
        look(moment)
        moment += timedelta(hours=1)

    made = [(notice["madeAt"], notice["facts"]["window"]["start"]) for notice in notices(project)]
    assert made == [
        (at("2025-05-02 06:00"), "2025-05-01T00:00:00+02:00"),
        (at("2025-05-03 06:00"), "2025-05-02T00:00:00+02:00"),
        (at("2025-05-04 12:00"), "2025-05-03T00:00:00-04:00"),
        (at("2025-05-05 12:00"), "2025-05-04T00:00:00-04:00"),
        (at("2025-05-06 12:00"), "2025-05-05T00:00:00-04:00"),
    ]


def test_who_was_away_for_days_is_told_of_the_last_window_and_what_was_missed(
    project: TestProject,
) -> None:
    add_report(project, "day", 8, at("2025-05-01 13:00"))
    look(at("2025-05-02 08:00"))

    look(at("2025-05-11 20:00"))
    look(at("2025-05-12 08:00"))

    first, late, following = reported(project)
    assert labels(project) == ["2025-05-01", "2025-05-10", "2025-05-11"]
    assert (first["missed"], following["missed"]) == ([], [])
    assert [window["start"][:10] for window in late["missed"]] == [
        "2025-05-09", "2025-05-08", "2025-05-07", "2025-05-06", "2025-05-05",
    ]  # fmt: skip
    assert late["moreMissed"] == 3


def test_what_was_while_it_was_paused_is_not_missed(project: TestProject) -> None:
    rule = add_report(project, "day", 8, at("2025-05-01 13:00"))
    keeping.pause(project.row, rule["_id"], "ada", at("2025-05-01 14:00"))
    look(at("2025-05-04 08:00"))
    keeping.resume(project.row, rule["_id"], "ada", at("2025-05-06 09:00"))

    look(at("2025-05-07 08:00"))

    [facts] = reported(project)
    assert labels(project) == ["2025-05-06"]
    assert facts["missed"] == []


def test_it_waits_for_what_is_accepted_and_not_stored_for_six_hours(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_report(project, "day", 8, at("2025-05-01 13:00"))
    monkeypatch.setattr(reports, "count_waiting", lambda *_: 7)
    made = []
    for moment in ("2025-05-02 08:00", "2025-05-02 13:59", "2025-05-02 14:00"):
        look(at(moment))
        made.append(len(notices(project)))

    assert made == [0, 0, 1]
    assert reported(project)[0]["waiting"] == 7


def test_sent_now_it_says_the_same(project: TestProject) -> None:
    visit(project, "2025-05-01 12:00", "ada")
    rule = add_report(project, "day", 8, at("2025-05-01 13:00"))
    look(at("2025-05-02 08:00"))
    tried = now.send_now(project.row, rule["_id"], MAIL, at("2025-05-02 09:00"))

    [scheduled] = [facts for facts in reported(project) if not facts["isTest"]]
    own: Any = {"isTest": False, "madeAt": scheduled["madeAt"]}
    assert {**tried["facts"], **own} == scheduled
    assert len({notice["key"] for notice in notices(project)}) == 2


def test_a_goal_that_cannot_be_asked_for_is_left_out_and_told(project: TestProject) -> None:
    Goal.objects.create(project=project.row, name="Old", what="event", value="x",
                        conditions=["nothing"])  # fmt: skip
    add_report(project, "day", 8, at("2025-05-01 13:00"))

    look(at("2025-05-02 08:00"))

    assert [(facts["goals"], facts["trouble"]) for facts in reported(project)] == [([], ["goals"])]
