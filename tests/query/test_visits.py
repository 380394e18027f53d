"""Visits in POST /query, from the request to the answer, also while segments come and go."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.projects.models import Project
from analytics.projects.zones import ZoneChange, read_zones, write_zones
from analytics.remembered import forget_everything
from columns.export import export_project
from columns.merge import merge_project
from columns.segments import list_segments, read_head
from tests.conftest import Api, TestProject, make_project
from tests.query.asking import ask, get, rows_of
from tests.stored import ENRICHED, store_events
from tests.upkeep.erasure.erasures import ask_to_erase, finish_erasure, reach_everything

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
NOON = TODAY - timedelta(hours=12)
DAY = {"start": (TODAY - timedelta(days=1)).isoformat(), "end": TODAY.isoformat()}
VISITS = ["visits", "bounceRate", "visitDuration", "viewsPerVisit"]


def at(minutes: float, path: str, user: str, **fields: Any) -> dict[str, Any]:
    return {"timestamp": NOON + timedelta(minutes=minutes), "path": path, "userId": user} | fields


STORY = [
    at(0, "/", "ann", **{ENRICHED: {"country": "DE"}}),
    at(10, "/pricing", "ann", **{ENRICHED: {"country": "FR"}}),
    at(12, "/pricing", "ann", event="signup"),
    at(90, "/docs", "ann"),
    at(1, "/pricing", "bob"),
    at(2, "/", "eve", **{ENRICHED: {"bot": "GPTBot"}}),
]


def settle(project: TestProject) -> None:
    """Bring all events into segments whose visits hold."""
    while export_project(project.id):
        pass
    while merge_project(project.id, datetime.now(UTC) + timedelta(days=2)):
        pass
    assert all(segment.holds_visits("UTC") for segment in list_segments(read_head(project.id)))


@pytest.fixture(params=["tail", "segment", "late"])
def story(store: None, request: pytest.FixtureRequest) -> TestProject:
    """Its events in no segment, in one whose visits hold, and in both."""
    project = make_project(leaves_out_bots=False)
    if request.param == "late":
        store_events(project, STORY[1:])
        settle(project)
        store_events(project, STORY[:1])
    else:
        store_events(project, STORY)
        if request.param == "segment":
            settle(project)
    return project


def test_visits_and_how_they_went(story: TestProject) -> None:
    answer = ask(story, **DAY, metrics=[*VISITS, "views", "visitors"])

    assert answer["totals"] == [3, 0.666666666667, 240.0, 1.33333333333, 5, 3]


def test_fields_of_visits_are_those_of_the_first_pageview(story: TestProject) -> None:
    by_country = ask(story, **DAY, metrics=["visits", "views"], dimensions=["country"])
    entries = ask(story, **DAY, metrics=["visits"], dimensions=["entryPath", "exitPath"])
    filter = {"field": "country", "op": "is", "values": ["FR"]}

    assert rows_of(by_country) == [[None, 2, 3], ["DE", 1, 2]]
    assert rows_of(entries) == [
        ["/", "/pricing", 1], ["/docs", "/docs", 1], ["/pricing", "/pricing", 1],
    ]  # fmt: skip
    assert ask(story, **DAY, filter=filter)["totals"] == [0]
    did = {"did": {"field": "country", "op": "is", "values": ["DE"]}}
    assert ask(story, **DAY, metrics=["visits", "views"], filter=did)["totals"] == [2, 3]
    goal = ask(
        story,
        **DAY,
        metrics=["conversions"],
        goal={"field": "exitPath", "op": "startsWith", "values": ["/p"]},
    )
    assert goal["totals"] == [2]


def test_a_condition_on_events_picks_whole_visits(story: TestProject) -> None:
    filter = {"field": "event", "op": "is", "values": ["signup"]}
    answer = ask(story, **DAY, metrics=VISITS, filter=filter, dimensions=["path"])

    assert rows_of(answer) == [["/pricing", 1, 0.0, 720.0, 2.0]]


def test_elsewhere_fields_are_the_events_own(story: TestProject) -> None:
    api = Api(story.read_key)
    window = {"start": DAY["start"], "end": DAY["end"]}
    french = '{"field": "country", "op": "is", "values": ["FR"]}'

    assert [event["path"] for event in get(api, "/events", **window, filter=french)["events"]] == [
        "/pricing"
    ]
    assert get(api, "/stats", **window, filter="country:is:FR")["totalViews"] == 1
    assert get(api, "/stats", **window, filter=french)["totalViews"] == 1
    groups = get(api, "/stats", **window, groupBy="country", filter="path:exists")["groups"]
    assert {row["value"]: row["count"] for row in groups} == {"DE": 1, "FR": 1}


@pytest.mark.parametrize("path", ["/stats", "/events"])
def test_only_the_query_language_knows_entries(project: TestProject, read: Api, path: str) -> None:
    answer = read.get(path, filter='{"field": "entryPath", "op": "exists"}')
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")


def test_visits_of_units_add_up_and_are_compared(story: TestProject) -> None:
    hours = ask(story, **DAY, metrics=["visits"], dimensions=["time:hour"], compare="previous")

    found = [row["metrics"][0] for row in hours["results"]]
    assert (found[12], found[13], sum(found)) == (2, 1, 3)
    assert hours["totals"] == [3]
    assert {row["compare"]["metrics"][0] for row in hours["results"]} == {0}


def test_all_begins_with_the_first_event(story: TestProject) -> None:
    answer = ask(story, period="all", metrics=["visits"], dimensions=["time:month"])

    assert answer["totals"] == [3]
    assert answer["results"][0]["metrics"] == [3]


def test_a_late_event_mends_its_visit(story: TestProject) -> None:
    before = ask(story, **DAY, metrics=VISITS)["totals"]
    store_events(story, [at(5, "/x", "bob"), at(-3, "/early", "bob")])

    after = ask(story, **DAY, metrics=VISITS)["totals"]

    assert before[0] == after[0] == 3
    assert after[2:] == [(720 + 0 + 480) / 3, 2.0]
    entries = ask(story, **DAY, metrics=["visits"], dimensions=["entryPath"])
    assert [row["dimensions"][0] for row in entries["results"]] == ["/", "/docs", "/early"]
    settle(story)
    assert ask(story, **DAY, metrics=VISITS)["totals"] == after


def test_it_is_told_by_which_midnights_visits_end(story: TestProject) -> None:
    with_visits = ask(story, **DAY, timezone="Asia/Tokyo", dimensions=["source"])["meta"]
    without = ask(story, **DAY, dimensions=["path"])["meta"]

    assert with_visits["visits"]["timezone"] == "UTC"
    assert "midnight" in with_visits["visits"]["cut"]
    assert "visits" not in without
    assert "timeZonePending" not in with_visits


def test_visits_go_by_the_zone_in_force_and_a_decided_one_is_told(store: None) -> None:
    project = make_project(time_zone="Europe/Berlin")
    midnight = datetime(2026, 3, 9, 23, tzinfo=UTC)  # of Berlin
    minutes = (-2, 2, 61)
    store_events(
        project,
        [
            {"userId": "ann", "path": "/", "timestamp": midnight + timedelta(minutes=each)}
            for each in minutes
        ],
    )
    asked = {"start": "2026-03-09", "end": "2026-03-11", "metrics": ["visits"]}
    before = ask(project, **asked)
    decide(project, "UTC", in_days=1)
    pending = ask(project, **asked)
    decide(project, "UTC", in_days=-1)
    after = ask(project, **asked)

    assert (before["totals"], pending["totals"], after["totals"]) == ([3], [3], [2])
    assert [each["meta"].get("timeZonePending") for each in (before, pending, after)] == [
        None, "UTC", None,
    ]  # fmt: skip
    assert after["meta"]["visits"]["timezone"] == "UTC"


def decide(project: TestProject, zone: str, *, in_days: float) -> None:
    """Give the project another zone from a moment on."""
    found = Project.objects.filter(pk=project.row.pk)
    since = round((datetime.now(UTC) + timedelta(days=in_days)).timestamp() * 1000)
    before = read_zones(found.get().zones)[0]
    found.update(zones=write_zones((before, ZoneChange(since, since, zone))))
    forget_everything()


def test_a_segment_cut_by_another_zone_is_worked_out_anew(store: None) -> None:
    project = make_project(time_zone="UTC")
    store_events(project, [*STORY[:5], at(-5, "/", "zoe"), at(5, "/", "zoe")])
    settle(project)
    by_utc = ask(project, **DAY, metrics=["visits"])
    noon_is_midnight = "Etc/GMT-12"
    decide(project, noon_is_midnight, in_days=-1)

    [segment] = list_segments(read_head(project.id))
    assert segment.holds_visits("UTC")
    assert not segment.holds_visits(noon_is_midnight)
    wide = {"start": (TODAY - timedelta(days=3)).isoformat(), "end": TODAY.isoformat()}
    assert by_utc["totals"] == [4]
    assert ask(project, **wide, metrics=["visits"])["totals"] == [5]  # that of zoe is two


def test_an_erased_user_is_in_no_visit(story: TestProject) -> None:
    erasure_id = ask_to_erase(story, "ann")
    reach_everything(erasure_id)
    finish_erasure(erasure_id)

    assert ask(story, **DAY, metrics=["visits", "views"])["totals"] == [1, 2]
