"""Rules as members keep them: checked, in the log, paused and taken up, gone with their project."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from analytics.databases import mongo
from analytics.databases.mongo import collection
from notices.documents import Target
from notices.outbox.notices import add_notices, make_notice
from notices.rules import keeping
from notices.rules.asking import open_desk
from notices.rules.keeping import NoRule
from notices.rules.terms import make_alert
from notices.rules.trying import try_alert
from people.saved.models import TooMany
from tests.conftest import TestProject
from tests.notices.rules import HOOK, MAIL, add_alert, add_report, at, look, notices, read
from tests.notices.test_outbox import FACTS
from tests.stored import store_events

NOW = at("2025-05-01 09:30")


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"value": None}, "value"),
        ({"value": float("nan")}, "value"),
        ({"value": 1, "metric": "nothing"}, "metric"),
        ({"value": 1, "metric": "sum(path)"}, "metric"),
        ({"value": 1, "filters": ["is"]}, "filters"),
        ({"value": 1, "filters": ["matches:path:("] * 30}, "filters"),
        ({"value": 1, "how": "hopes"}, "how"),
        ({"value": 1, "unit": "year"}, "unit"),
        ({"value": 1, "pauseMinutes": 59}, "pauseMinutes"),
        ({"value": 1, "metric": "conversions"}, "goal"),
        ({"value": 1, "metric": "conversions", "goal": "nogoal22"}, "goal"),
        ({"value": 1, "how": "below", "running": True}, "running"),
        ({"value": 1, "how": "changed", "against": "week", "unit": "month"}, "against"),
        ({"value": 0, "how": "changed"}, "value"),
        ({"value": 1, "smallest": -1}, "smallest"),
        ({"how": "silent", "metric": "events", "silentMinutes": 4}, "silentMinutes"),
        ({"how": "silent", "metric": "visits", "silentMinutes": 60}, "metric"),
    ],
)
def test_an_alert_that_could_not_be_judged_is_not_kept(
    project: TestProject, terms: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        add_alert(project, NOW, **terms)

    assert set(refused.value.message_dict) == {field}
    assert keeping.list_kept(project.row, NOW) == []


@pytest.mark.parametrize(
    "targets",
    [
        [],
        [MAIL] * 2,
        [{"kind": "mail", "address": "ada"}],
        [{**HOOK, "url": "http://example.com/"}],
        [{**HOOK, "url": "https://"}],
        [{**HOOK, "url": "https://example.com/a b"}],
        [{**HOOK, "shape": "round"}],
        [{"kind": "mail", "address": f"a{n}@example.com"} for n in range(11)],
    ],
)
def test_whom_nobody_could_reach_is_refused(project: TestProject, targets: list[Target]) -> None:
    draft: Any = {"name": "A", "report": {"every": "day", "hour": 8, "filters": []},
                  "targets": targets}  # fmt: skip
    with pytest.raises(ValidationError) as refused:
        keeping.add(project.row, draft, "ada", NOW)

    assert set(refused.value.message_dict) == {"targets"}


@pytest.mark.parametrize(
    ("report", "field"),
    [({"every": "year"}, "every"), ({"hour": 24}, "hour"), ({"filters": ["is"]}, "filters")],
)
def test_a_report_that_could_not_go_out_is_not_kept(
    project: TestProject, report: dict[str, Any], field: str
) -> None:
    draft: Any = {"name": "A", "report": {"every": "day", "hour": 8, "filters": []} | report,
                  "targets": [MAIL]}  # fmt: skip
    with pytest.raises(ValidationError) as refused:
        keeping.add(project.row, draft, "ada", NOW)

    assert set(refused.value.message_dict) == {field}


def test_a_project_has_so_many_rules(project: TestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST_RULES", 1)
    add_report(project, "day", 8, NOW)

    with pytest.raises(TooMany):
        add_report(project, "week", 8, NOW)


def test_a_rule_is_found_in_its_own_project_alone(
    project: TestProject, other_project: TestProject
) -> None:
    rule_id = add_report(project, "day", 8, NOW)["_id"]

    for act in (
        lambda: keeping.find(other_project.row, rule_id),
        lambda: keeping.pause(other_project.row, rule_id, "eve", NOW),
        lambda: keeping.resume(other_project.row, rule_id, "eve", NOW),
        lambda: keeping.remove(other_project.row, rule_id, "eve"),
    ):
        with pytest.raises(NoRule):
            act()
    assert keeping.list_kept(other_project.row, NOW) == []
    assert [kept.standing for kept in keeping.list_kept(project.row, NOW)] == ["ok"]


def test_what_comes_next_and_what_became_of_the_last_is_shown(project: TestProject) -> None:
    rule = add_report(project, "week", 8, NOW)  # on a Thursday
    [kept] = keeping.list_kept(project.row, NOW)
    assert kept.next and kept.next.label == "2025-04-28" and kept.next.at == at("2025-05-05 08:00")

    look(at("2025-05-05 08:00"))

    kept = keeping.find_kept(project.row, rule["_id"], at("2025-05-05 09:00"))
    assert kept.next and kept.next.label == "2025-05-05"
    assert [notice["state"] for notice in kept.notices] == ["waiting"]
    assert [entry["what"] for entry in kept.rule["history"]] == ["report"]


def test_changed_it_begins_anew_and_renamed_it_goes_on(project: TestProject) -> None:
    store_events(project, [{"path": "/", "userId": "a", "timestamp": at("2025-05-01 10:15")}])
    rule = add_alert(project, NOW, value=0, unit="hour")
    look(at("2025-05-01 11:05"))
    draft: Any = {"name": "Other name", "alert": rule["alert"], "targets": [HOOK]}

    renamed = keeping.change(project.row, rule["_id"], draft, "ada", at("2025-05-01 11:06"))
    assert (renamed["firing"], renamed["name"]) == (True, "Other name")
    draft["alert"] = make_alert(value=7, unit="hour")
    changed = keeping.change(project.row, rule["_id"], draft, "ada", at("2025-05-01 11:07"))

    assert (changed["firing"], changed["toldAt"], changed["since"]) == (
        False, None, at("2025-05-01 11:07"),
    )  # fmt: skip


def test_a_rule_stays_what_it_was_made_as(project: TestProject) -> None:
    rule = add_report(project, "day", 8, NOW)
    draft: Any = {"name": "A", "alert": make_alert(value=1), "targets": [MAIL]}

    with pytest.raises(ValidationError):
        keeping.change(project.row, rule["_id"], draft, "ada", NOW)


def test_what_was_done_to_it_is_in_the_log(project: TestProject) -> None:
    rule_id = add_report(project, "day", 8, NOW)["_id"]
    keeping.pause(project.row, rule_id, "bob", NOW)
    keeping.resume(project.row, rule_id, "bob", NOW)
    keeping.remove(project.row, rule_id, "eve")

    entries = collection(mongo.AUDIT).find({"project": project.id}).sort("_id", 1)
    assert [(entry["actor"], entry["act"]) for entry in entries] == [
        ("ada", "rule.added"), ("bob", "rule.paused"), ("bob", "rule.resumed"),
        ("eve", "rule.removed"),
    ]  # fmt: skip


def test_with_a_rule_goes_what_it_would_still_have_said(project: TestProject) -> None:
    rule = add_report(project, "day", 8, NOW)
    look(at("2025-05-02 08:00"))
    other = make_notice(project.id, "another2", "report:1", MAIL, FACTS, NOW)
    add_notices([other])

    keeping.remove(project.row, rule["_id"], "ada")

    assert [notice["_id"] for notice in notices(project)] == [other["_id"]]


def test_tried_on_the_past_it_says_when_it_would_have_fired(project: TestProject) -> None:
    for hour in (10, 11, 12, 20):
        store_events(
            project,
            [{"path": "/", "userId": f"u{n}", "timestamp": at(f"2025-05-01 {hour}:15")}
             for n in range(5)],
        )  # fmt: skip
    desk = open_desk(project.row, at("2025-05-02 09:30"))

    tried = try_alert(desk, make_alert(value=4, unit="hour", pauseMinutes=120))

    assert [(firing.at, firing.value) for firing in tried.firings] == [
        (at("2025-05-01 11:00"), 5), (at("2025-05-01 13:00"), 5), (at("2025-05-01 21:00"), 5),
    ]  # fmt: skip
    assert tried.looks == 30 * 24 - 1  # of hours that begin within


def test_tried_and_lived_it_fires_at_the_same_windows(project: TestProject) -> None:
    """A change against the unit before, over days of which some are empty."""
    for day, people in ((1, 4), (2, 9), (4, 2), (5, 6), (6, 5)):
        store_events(
            project,
            [{"path": "/", "userId": f"u{n}", "timestamp": at(f"2025-05-0{day} 12:00")}
             for n in range(people)],
        )  # fmt: skip
    terms: Any = {"how": "changed", "value": 0.5, "unit": "day", "smallest": 5, "pauseMinutes": 60}
    rule = add_alert(project, at("2025-05-02 00:01"), **terms)
    for day in range(2, 9):
        look(at(f"2025-05-0{day} 06:00"))

    tried = try_alert(open_desk(project.row, at("2025-05-08 06:00")), make_alert(**terms))

    lived = [entry["end"] for entry in read(project, rule)["history"] if entry["what"] != "over"]
    assert [firing.at for firing in tried.firings] == sorted(lived)
    assert len(lived) == 4


def test_silence_is_tried_by_the_minute(project: TestProject) -> None:
    store_events(project, [{"path": "/", "timestamp": at(f"2025-05-01 {clock}")}
                           for clock in ("00:00", "06:00", "06:30")])  # fmt: skip
    terms = make_alert(how="silent", metric="events", silentMinutes=120, pauseMinutes=30 * 24 * 60)
    now = at("2025-05-01 09:30")

    tried = try_alert(open_desk(project.row, now), terms)

    assert [firing.at for firing in tried.firings] == [now - timedelta(days=30)]
