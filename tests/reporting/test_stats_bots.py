"""What reports count of bots: as the question says, else as the project does."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.keys.lookup import forget_keys
from analytics.rollups import DIMENSIONS
from reporting.rollups import pieces
from tests.conftest import Api, TestProject, make_project
from tests.stored import ENRICHED, store_events
from upkeep.rollups.compaction import compact_summaries
from upkeep.rollups.copies import build_days, build_months

pytestmark = pytest.mark.slow

DAY = datetime(2026, 3, 10, tzinfo=UTC)
NOON = DAY + timedelta(hours=12)
NOW = timedelta(0)


def visit(path: str = "/", minutes: float = 0, **enriched: Any) -> dict[str, Any]:
    moment = NOON + timedelta(minutes=minutes)
    return {"timestamp": moment, "path": path, ENRICHED: enriched}


def crawl(path: str, bot: str = "GPTBot", minutes: float = 0, **enriched: Any) -> dict[str, Any]:
    return visit(path, minutes, bot=bot, **enriched)


EVENTS = [
    visit("/", 0, visitor=1),
    visit("/a", 20, visitor=2, hostname="example.org"),
    visit("/a", 200, visitor=None),  # who asked not to be known
    crawl("/a", "GPTBot", 1, visitor=3),
    crawl("/robots.txt", "GPTBot", 2, visitor=3, hostname="example.org"),
    crawl("/robots.txt", "headless", 50, visitor=4),
    # Of bots alone: its bucket, and the one of a day.
    crawl("/night", "Googlebot", 600, visitor=5),
    crawl("/night", "Googlebot", 24 * 60, visitor=5),
]


def leave_summaries() -> None:
    pass


def compact() -> None:
    while compact_summaries():
        pass


def copy() -> None:
    compact()
    build_days(quiet=NOW)
    build_months(quiet=NOW)


@pytest.fixture(params=[leave_summaries, compact, copy])
def counted(request: pytest.FixtureRequest, project: TestProject) -> TestProject:
    """EVENTS, stored one by one, with their counts in one of the forms they may have."""
    for event in EVENTS:
        store_events(project, [event])
    do: Callable[[], None] = request.param
    do()
    return project


def ask(project: TestProject, path: str = "/stats", **query: Any) -> dict[str, Any]:
    answer = Api(project.read_key).get(path, **query)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def totals(body: dict[str, Any]) -> tuple[int, int]:
    return body["totalViews"], body["visitors"]


@pytest.mark.parametrize("exact", ["false", "true"])
def test_bots_are_counted_as_the_question_says(counted: TestProject, exact: str) -> None:
    expected = {"false": (3, 2, "excluded"), "true": (8, 5, "included"), "only": (5, 3, "only")}
    for bots, (views, visitors, told) in expected.items():
        body = ask(counted, bots=bots, exact=exact)
        assert (totals(body), body["meta"]["bots"]) == ((views, visitors), told)
    assert ask(counted, bots="false", exact=exact)["topPaths"] == [
        {"path": "/a", "count": 2}, {"path": "/", "count": 1},
    ]  # fmt: skip
    assert ask(counted, bots="only", exact=exact)["topPaths"] == [
        {"path": "/night", "count": 2}, {"path": "/robots.txt", "count": 2},
        {"path": "/a", "count": 1},
    ]  # fmt: skip
    assert ask(counted, bots="true", exact=exact)["topPaths"][0] == {"path": "/a", "count": 3}


@pytest.mark.parametrize("exact", ["false", "true"])
def test_which_bots_come_and_what_they_ask_for(counted: TestProject, exact: str) -> None:
    query = {"by": "bot", "exact": exact}

    bots = ask(counted, "/stats/breakdown", **query)

    assert [(row["value"], row["views"], row["visitors"]) for row in bots["results"]] == [
        ("GPTBot", 2, 1), ("Googlebot", 2, 1), ("headless", 1, 1),
    ]  # fmt: skip
    assert bots["meta"]["bots"] == "only"
    assert sum(row["share"] for row in bots["results"]) == pytest.approx(1, abs=1e-5)
    with_people = ask(counted, "/stats/breakdown", **query, bots="true")
    assert [row["share"] for row in with_people["results"]] == [0.25, 0.25, 0.125]
    nothing = ask(counted, "/stats/breakdown", **query, bots="false")
    assert (nothing["results"], nothing["meta"]["nothing"][0]["code"]) == ([], "field_absent")
    groups = ask(counted, groupBy="bot", exact=exact)
    assert [group["value"] for group in groups["groups"]] == ["GPTBot", "Googlebot", "headless"]
    assert totals(groups) == (5, 3)


@pytest.mark.parametrize("exact", ["false", "true"])
def test_hostnames_are_a_dimension_of_people_and_of_bots(counted: TestProject, exact: str) -> None:
    for bots, views in (("false", 1), ("only", 1), ("true", 2)):
        body = ask(counted, "/stats/breakdown", by="hostname", bots=bots, exact=exact)
        assert [(row["value"], row["views"]) for row in body["results"]] == [("example.org", views)]


@pytest.mark.parametrize("exact", ["false", "true"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_a_series_counts_bots_as_the_question_says(
    counted: TestProject, exact: str, zone: str
) -> None:
    query = {"start": "2026-03-10", "end": "2026-03-12", "timezone": zone, "exact": exact}
    # In Kathmandu the night of 10 March is the 11th, and so is the noon of the 11th.
    points = {"UTC": ([3, 0], [4, 1]), "Asia/Kathmandu": ([3, 0], [3, 2])}
    people, bots = points[zone]

    for asked, views in (
        ("false", people),
        ("only", bots),
        ("true", [sum(pair) for pair in zip(people, bots, strict=True)]),
        ("false", people),  # what is remembered of one is no answer to another
    ):
        series = ask(counted, "/stats/timeseries", **query, bots=asked)["series"]
        assert [point["views"] for point in series] == views


def test_a_filter_on_bots_chooses_among_all_events(counted: TestProject) -> None:
    for given, views in (
        ("bot:is:GPTBot", 2),
        ("bot:starts_with:G", 4),
        ("bot:not_exists", 3),
        ("bot:is_not:GPTBot", 6),
    ):
        body = ask(counted, filter=given)
        assert (body["totalViews"], body["meta"]["bots"]) == (views, "included"), given
    assert ask(counted, filter="bot:is:GPTBot", bots="false")["totalViews"] == 0
    assert ask(counted, filter="path:is:/a", bots="false")["totalViews"] == 2
    assert ask(counted, filter="path:is:/a", bots="only")["totalViews"] == 1


def test_the_narrow_edges_of_a_window_know_bots(counted: TestProject) -> None:
    start, end = NOON + timedelta(seconds=90), NOON + timedelta(minutes=31)
    query = {"start": start.isoformat(), "end": end.isoformat()}

    for bots, views in (("false", 1), ("only", 1), ("true", 2)):
        body = ask(counted, **query, bots=bots)
        assert (body["totalViews"], body["meta"]["source"]) == (views, "mixed")


@pytest.mark.parametrize(
    ("bots", "told"),
    [
        ("true", "No event lies in the window."),
        ("false", "No event lies in the window, bots left out."),
        ("only", "No event of a bot lies in the window."),
    ],
)
def test_where_there_is_nothing_it_says_of_whom(project: TestProject, bots: str, told: str) -> None:
    for exact in ("false", "true"):
        [reason] = ask(project, bots=bots, exact=exact)["meta"]["nothing"]
        assert (reason["code"], reason["detail"]) == ("no_events", told)


def test_realtime_takes_bots(project: TestProject) -> None:
    now = datetime.now(UTC)
    events = [visit(visitor=1), crawl("/a", visitor=2), crawl("/a", visitor=3), visit(visitor=None)]
    store_events(project, [event | {"timestamp": now} for event in events])

    for bots, expected in (("false", (1, 2)), ("only", (2, 2)), ("true", (3, 4))):
        body = ask(project, "/stats/realtime", bots=bots)
        assert (body["visitors"], sum(minute["views"] for minute in body["views"])) == expected


@pytest.mark.parametrize("exact", ["false", "true"])
@pytest.mark.parametrize("path", ["/stats", "/stats/timeseries", "/stats/breakdown"])
def test_a_question_that_does_not_say_is_answered_as_the_project_has_it(
    store: None, path: str, exact: str
) -> None:
    query = {"start": "2026-03-10", "end": "2026-03-12", "exact": exact}
    query |= {"by": "path"} if path == "/stats/breakdown" else {}
    for leaves_out, asked in ((True, "false"), (False, "true")):
        project = make_project(f"Leaves out: {leaves_out}", leaves_out_bots=leaves_out)
        store_events(project, EVENTS)

        told, said = ask(project, path, **query), ask(project, path, **query, bots=asked)

        for answer in (told, said):
            answer["meta"] |= {"freshAsOf": None, "tookMs": None}
        assert told == said


def test_turning_the_switch_of_a_project_changes_its_reports(store: None) -> None:
    project = make_project(leaves_out_bots=False)
    store_events(project, EVENTS)
    assert ask(project)["totalViews"] == 8

    project.row.leaves_out_bots = True
    project.row.save()
    forget_keys()

    assert ask(project)["totalViews"] == 3
    assert ask(project, "/stats/realtime")["meta"]["bots"] == "excluded"


@pytest.mark.parametrize("value", ["yes", "1", "", "True"])
def test_another_value_of_bots_is_refused(project: TestProject, value: str) -> None:
    for path in ("/stats", "/stats/realtime"):
        answer = Api(project.read_key).get(path, bots=value)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_bots")


def test_where_there_are_no_bots_nothing_is_read_of_any(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_events(project, [event for event in EVENTS if "bot" not in event[ENRICHED]])
    compact()
    read: list[str] = []
    original = pieces.read_pieces

    def watch(snapshot: Any, ids: Any, dimensions: Any, *args: Any, **options: Any) -> Any:
        wanted = list(ids)
        read.extend(dimensions if wanted else ())
        return original(snapshot, wanted, dimensions, *args, **options)

    for module in ("tables", "points"):
        monkeypatch.setattr(f"reporting.rollups.{module}.read_pieces", watch)
    window = {"start": "2026-03-10", "end": "2026-03-12"}

    for bots in ("true", "only"):
        ask(project, bots=bots, **window)
        ask(project, "/stats/timeseries", bots=bots, interval="hour", **window)
    ask(project, "/stats/breakdown", by="bot", **window)

    assert set(read) <= {"total", *DIMENSIONS} and read
