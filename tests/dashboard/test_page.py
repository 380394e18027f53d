"""The page and its parts: every number is the API's, and hostile text stays text."""

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from html.parser import HTMLParser
from typing import Any, Self
from urllib.parse import urlencode

import pytest
from django.test import Client

from analytics.keys.refusals import flush_refusals
from dashboard import asking
from dashboard.parts.panels import NO_EVENTS_OF_OURS, PANELS
from ingestion.drain.loop import drain
from reporting.web import query_views
from tests.conftest import Api, TestProject
from tests.dashboard.traffic import make_visits, store
from tests.pages import Page, make_public_key

SIX = ["visitors", "visits", "views", "viewsPerVisit", "bounceRate", "visitDuration"]
DE_OR_FR = {"field": "country", "op": "is", "values": ["DE", "FR"]}
SIGNUP = {"field": "event", "op": "is", "values": ["signup"]}


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """What the pages and the API take for now: the pages are as of the minute, the API is not."""
    moment = datetime.now(UTC).replace(second=0, microsecond=0)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(moment.timestamp(), tz)

    monkeypatch.setattr(asking, "read_clock", lambda: moment)
    monkeypatch.setattr(query_views, "datetime", Clock)
    return moment


@pytest.fixture
def filled(project: TestProject, moment: datetime) -> TestProject:
    store(project, make_visits(9, 12, until=moment))
    return project


def show(signed_in: Client, project: TestProject, part: str = "", **query: Any) -> str:
    answer = signed_in.get(f"/p/{project.row.pk}/{part}?{urlencode(query, doseq=True)}")
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def figures(page: str) -> dict[str, Any]:
    found = re.findall(r'data-metric="(\w+)" data-value="([^"]*)"', page)
    return {name: float(value) if value else None for name, value in found}


def rows(page: str) -> list[list[Any]]:
    """Field, key (None for none) and value of each row."""
    found = re.findall(
        r'data-field="([^"]*)" data-key="([^"]*)"( data-none)? data-value="([^"]*)"', page
    )
    return [
        [field, None if none else html.unescape(key), float(value)]
        for field, key, none, value in found
    ]


def curve(page: str) -> Any:
    [text] = re.findall(r'data-curve="([^"]*)"', page)
    return json.loads(html.unescape(text))


def ask(read: Api, metrics: list[str], **question: Any) -> Any:
    answer = read.post("/query", {"metrics": metrics, **question})
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize("period", ["today", "yesterday", "7d", "month", "12mo", "all"])
def test_the_six_figures_and_the_curve_are_what_the_api_answers(
    signed_in: Client, filled: TestProject, read: Api, moment: datetime, period: str
) -> None:
    page = show(signed_in, filled, "top", period=period)

    totals = ask(read, SIX, period=period)["totals"]
    assert figures(page) == dict(zip(SIX, totals, strict=True))
    hourly = ["today", "yesterday", *(["month"] if moment.day == 1 else [])]
    unit = "hour" if period in hourly else "month" if period == "12mo" else "day"
    series = ask(read, ["visitors"], period=period, dimensions=[f"time:{unit}"])
    assert curve(page)["values"] == [row["metrics"][0] for row in series["results"]]


@pytest.mark.parametrize("metric", SIX)
def test_the_curve_is_of_the_figure_that_is_chosen(
    signed_in: Client, filled: TestProject, read: Api, moment: datetime, metric: str
) -> None:
    page = show(signed_in, filled, "top", period="7d", metric=metric, unit="hour")

    asked = {"period": "7d", "dimensions": ["time:hour"], "compare": "previous"}
    series = ask(read, [metric], **asked)
    drawn = curve(page)
    assert drawn["metric"] == metric
    assert drawn["values"] == [row["metrics"][0] for row in series["results"]]
    begun = [row for row in series["results"] if datetime.fromisoformat(row["dimensions"][0])
             < moment]  # fmt: skip
    before = [row["compare"]["metrics"][0] for row in begun]
    assert drawn["before"][: len(begun)] == before
    assert set(drawn["before"][len(begun) :]) <= {None}


def test_filters_are_those_of_the_question(
    signed_in: Client, filled: TestProject, read: Api
) -> None:
    page = show(signed_in, filled, "top", period="7d", f=["is:country:DE,FR", "not:path:/jobs"])

    condition = {"and": [DE_OR_FR, {"not": {"field": "path", "op": "is", "values": ["/jobs"]}}]}
    shown = figures(page)
    assert {"engagedSeconds", "scrollDepth"} <= shown.keys()
    totals = ask(read, SIX, period="7d", filter=condition)["totals"]
    assert [shown[name] for name in SIX] == totals


def test_an_event_in_the_filter_is_a_goal(
    signed_in: Client, filled: TestProject, read: Api
) -> None:
    page = show(signed_in, filled, "top", period="7d", f=["is:event:signup", "is:country:DE,FR"])

    names = ["visitors", "conversions", "conversionRate"]
    of_people = ask(read, names, period="7d", filter=DE_OR_FR, goal=SIGNUP)["totals"]
    of_both = ask(read, ["events"], period="7d", filter={"and": [SIGNUP, DE_OR_FR]})["totals"]
    assert figures(page) == dict(zip(names, of_people, strict=True)) | {"events": of_both[0]}


@pytest.mark.parametrize(
    "field",
    [
        field
        for panel in PANELS.values()
        for field in panel.fields
        if field not in ("properties", "map")
    ],
)
def test_every_list_is_what_the_api_answers(
    signed_in: Client, filled: TestProject, read: Api, field: str
) -> None:
    [panel] = [panel for panel in PANELS.values() if field in panel.fields]
    page = show(signed_in, filled, f"panel/{panel.name}", period="7d", **{panel.name: field})

    asked: dict[str, Any] = {"period": "7d", "dimensions": [field], "limit": 9}
    metric = "visitors"
    if field == "event":
        metric, asked["filter"] = "events", NO_EVENTS_OF_OURS
    if field == "bot":
        metric, asked["bots"] = "events", "only"
    answer = ask(read, [metric, "views"] if metric == "visitors" else [metric], **asked)
    expected = [[field, row["dimensions"][0], row["metrics"][0]] for row in answer["results"]]
    assert sorted(rows(page), key=str) == sorted(expected, key=str)
    counts = [row[2] for row in rows(page)]
    assert counts == sorted(counts, reverse=True)


def test_properties_are_listed_with_their_types_and_lead_to_their_values(
    signed_in: Client, filled: TestProject, read: Api
) -> None:
    page = show(signed_in, filled, "panel/events", period="28d", events="properties")

    found = read.get("/properties", period="28d").json()["properties"]
    assert rows(page) == [["properties", each["name"], each["events"]] for each in found]
    assert f'href="/p/{filled.row.pk}/list/properties.plan?' in page
    assert "string" in page


def test_visitors_of_now_are_what_the_api_answers(
    signed_in: Client, project: TestProject, read: Api
) -> None:
    Api(project.ingest_key).post("/events", [{"path": "/", "userId": name} for name in "abc"])
    drain(0, force=True)

    assert figures(show(signed_in, project, "current")) == {"current": 3}
    assert read.get("/stats/realtime").json()["visitors"] == 3
    assert figures(show(signed_in, project, "current", f="is:userId:a")) == {"current": 1}


def test_all_of_the_page_is_in_one_answer_without_a_script(
    signed_in: Client, filled: TestProject
) -> None:
    page = show(signed_in, filled, full=1, period="7d")

    assert figures(page).keys() == {*SIX, "current"}
    assert (
        figures(page)["visitors"]
        == figures(show(signed_in, filled, "top", period="7d"))["visitors"]
    )
    assert {row[0] for row in rows(page)} >= {"path", "channel", "country", "browser", "event"}
    assert "<noscript>" not in page
    assert 'content="0; url=?period=7d&amp;full=1"' in show(signed_in, filled, period="7d")


def test_a_list_is_searched_sorted_and_paged_by_the_service(
    signed_in: Client, project: TestProject
) -> None:
    events = [{"path": f"/page-{n:03}", "userId": f"user-{n % 7}"} for n in range(120)]
    events += [{"path": "/Page-000", "userId": f"user-{n}"} for n in range(5)]
    Api(project.ingest_key).post("/events", events)
    drain(0, force=True)

    def list_keys(**query: Any) -> list[str]:
        page = show(signed_in, project, "list/path/rows", period="today", **query)
        return re.findall(r'data-key="([^"]*)"', page)

    assert list_keys()[0] == "/Page-000"
    assert list_keys(sort="name")[:2] == ["/Page-000", "/page-000"]
    assert list_keys(sort="-name")[0] == "/page-119"
    assert list_keys(q="PAGE-00", sort="-name")[0] == "/page-009"
    assert len(list_keys()) == 50
    assert len(list_keys(page=3)) == 21
    assert list_keys(page=99) == []
    for odd in ("0", "-1", "x", "٣", "9" * 30):
        assert list_keys(page=odd) == list_keys()
    assert list_keys(sort="nothing") == list_keys()


def test_a_csv_has_the_numbers_of_the_api_and_no_formulas(
    signed_in: Client, project: TestProject, read: Api
) -> None:
    titles = ['=HYPERLINK("x")', "+1", "-1", "@x", 'a "b", c', "line\nbreak", None]
    events = [
        {"path": "/", "userId": f"user-{n}", **({"title": title} if title else {})}
        for n, title in enumerate(titles)
    ]
    assert Api(project.ingest_key).post("/events", events).status_code == 202
    drain(0, force=True)

    answer = signed_in.get(f"/p/{project.row.pk}/list/title/csv", {"period": "today"})

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="title-today.csv"'
    head, *lines = csv.reader(io.StringIO(answer.content.decode()))
    assert head == ["title", "visitors", "visits", "views", "bounceRate", "visitDuration"]
    assert {line[0] for line in lines} >= {'\'=HYPERLINK("x")', "'+1", "'-1", "'@x", 'a "b", c', ""}
    found = ask(read, head[1:], dimensions=["title"], period="today")["results"]
    expected = sorted([str(number) for number in row["metrics"]] for row in found)
    assert sorted(line[1:] for line in lines) == expected


HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title><b>", "'-alert(1)-'",
    "{{ 7*7 }}{% now 'Y' %}", "\u202egnp.exe", "x" * 500, "javascript:alert(1)", "&lt;b&gt;",
)  # fmt: skip


@pytest.fixture
def hostile(project: TestProject) -> Iterator[TestProject]:
    project.row.name = HOSTILE[1]
    project.row.save()
    events = [
        {"path": f"/{text}", "title": text, "event": event, "userId": f"user-{n}",
         "properties": {text[:200]: text}, "userAgent": "x"}
        for n, text in enumerate(HOSTILE)
        for event in ("pageview", text[:100])
    ]  # fmt: skip
    answer = Api(project.ingest_key).post("/events", events)
    assert answer.status_code == 202, answer.content
    drain(0, force=True)
    yield project


@pytest.mark.parametrize(
    "part",
    ["", "?full=1", "?full=1&pages=title", "?full=1&events=properties", "panel/pages?pages=title",
     "list/title/rows?", "list/event?full=1", "glance?", "bar?"],
)  # fmt: skip
def test_hostile_text_stays_text_in_every_part(
    signed_in: Client, hostile: TestProject, part: str
) -> None:
    joint = "&" if "?" in part else "?"
    answer = signed_in.get(f"/p/{hostile.row.pk}/{part}{joint}period=today")

    page = answer.content.decode()
    assert answer.status_code == 200
    read_tags(page)


class Tags(HTMLParser):
    """Raises AssertionError for what no template of ours has."""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag not in ("b", "i", "iframe", "object", "embed", "base")
        for name, value in attributes:
            assert not name.startswith(("on", "hx-on")) and name != "style", (tag, name)
            if name in ("href", "src", "action"):
                assert re.match(r"[/?#]", value or ""), (tag, name, value)
                assert not (value or "").startswith("//")


def read_tags(page: str) -> None:
    parser = Tags()
    parser.feed(page)
    parser.close()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values_are_found_again_by_their_own_links(
    signed_in: Client, hostile: TestProject, text: str
) -> None:
    page = show(signed_in, hostile, "panel/pages", period="today", pages="title")
    links = re.findall(r'data-key="([^"]*)".*?<a class="row-label" href="([^"]*)"', page, re.DOTALL)
    [href] = [html.unescape(href) for key, href in links if html.unescape(key) == text]

    top = signed_in.get(f"/p/{hostile.row.pk}/top{href}").content.decode()

    assert figures(top)["visitors"] == 1


def test_the_menu_of_a_row_leads_to_the_projects_own_hosts_only(
    signed_in: Client, project: TestProject
) -> None:
    def opens(**query: str) -> list[tuple[str, str]]:
        page = show(signed_in, project, "row", **query)
        return re.findall(r'href="(https?:[^"]+)" target="_blank" rel="([^"]*)"', page)

    assert opens(field="path", key="/a") == []
    project.row.hostnames = ["www.example.com"]
    project.row.save()
    rel = "noopener noreferrer nofollow"
    assert opens(field="path", key="/a b?c") == [("https://www.example.com/a%20b?c", rel)]
    assert opens(field="path", key="//evil.example/") == [
        ("https://www.example.com//evil.example/", rel)
    ]
    assert opens(field="path", key="@evil.example") == []
    assert opens(field="referrer", key="news.example") == [("https://news.example/", rel)]
    assert opens(field="referrer", key="evil.example/x") == []
    assert opens(field="hostname", key="evil.example") == []


@pytest.mark.parametrize(
    "query",
    ["f=" + "x" * 5_000, "f=is:path:" + "%00", "f=matches:path:(", "from=%F0%9F", "metric=<b>",
     "&".join(f"f=is:path:/{n}" for n in range(50)), "period=today&period=7d", "unit=minute",
     "from=0001-01-01&to=0001-01-02&compare=dates",
     "page=x&sort=x&q=%00", "f=matches:path:" + "(a" * 300],
)  # fmt: skip
def test_odd_addresses_are_answered(signed_in: Client, filled: TestProject, query: str) -> None:
    for part in ("", "bar", "top", "panel/pages", "current", "list/path/rows"):
        answer = signed_in.get(f"/p/{filled.row.pk}/{part}?{query}")
        assert answer.status_code in (200, 400), (part, answer.content)
        assert answer["Content-Type"].startswith("text/html")


def test_what_cannot_be_answered_is_told_in_its_part(
    signed_in: Client, filled: TestProject
) -> None:
    answer = signed_in.get(
        f"/p/{filled.row.pk}/panel/pages", {"f": "matches:path:("}, headers={"HX-Request": "true"}
    )

    assert answer.status_code == 400
    assert "<html" not in answer.content.decode()
    assert "bad_pattern" in answer.content.decode()
    page = show(signed_in, filled, full=1, f="matches:path:(")
    assert page.count("bad_pattern") == 1 + len(PANELS)


@pytest.mark.parametrize("path", ["panel/nothing", "list/nothing", "list/nothing/csv", "row"])
def test_what_is_no_part_is_not_found(signed_in: Client, filled: TestProject, path: str) -> None:
    assert signed_in.get(f"/p/{filled.row.pk}/{path}").status_code == 404


def test_a_project_without_events_shows_how_to_send_the_first(
    signed_in: Client, project: TestProject
) -> None:
    assert "Your first event" in show(signed_in, project)
    assert "data-came" not in show(signed_in, project, "waiting")
    Api(project.ingest_key).post("/event", {"path": "/"})
    drain(0, force=True)

    assert "data-came" in show(signed_in, project, "waiting")
    assert "Your first event" not in show(signed_in, project)


def test_what_was_refused_meanwhile_is_told(signed_in: Client, project: TestProject) -> None:
    assert "Refused" not in show(signed_in, project, "waiting")
    page = Page(make_public_key(project), origin="https://elsewhere.example")
    for _ in range(2):
        assert page.send({"path": "/"}).status_code == 403
    flush_refusals()

    for part in ("", "waiting"):
        text = show(signed_in, project, part)
        assert (
            "2 \N{MULTIPLICATION SIGN} <code>origin_not_allowed</code>: a page whose origin" in text
        )


def test_an_empty_window_says_when_the_last_event_was(
    signed_in: Client, project: TestProject
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=40)
    Api(project.ingest_key).post("/event", {"path": "/", "timestamp": long_ago.isoformat()})
    drain(0, force=True)

    page = show(signed_in, project, "top", period="7d")

    assert "The last event was on" in page
    assert f"?from={long_ago:%Y-%m-%d}&amp;to={long_ago:%Y-%m-%d}" in page
    filtered = show(signed_in, project, "top", period="all", f="is:path:/x")
    assert "Nothing in this window with these filters" in filtered


def test_what_is_not_collected_says_by_which_setting(
    signed_in: Client, project: TestProject, settings: Any
) -> None:
    project.row.allowed_events, project.row.allowed_properties = ["signup"], ["plan"]
    project.row.save()
    Api(project.ingest_key).post("/event", {"path": "/"})
    drain(0, force=True)
    asked = {"period": "7d"}

    cities = show(signed_in, project, "panel/places", places="city", **asked)
    events = show(signed_in, project, "panel/events", **asked)
    properties = show(signed_in, project, "panel/events", events="properties", **asked)

    assert "named by GEOIP_PATH" in cities
    assert "may send only signup." in events
    assert "may send only plan." in properties
    assert "GEOIP_PATH" not in show(signed_in, project, "panel/places", places="country", **asked)
    settings.GEOIP_PATH = "/cities.mmdb"
    assert "GEOIP_PATH" not in show(signed_in, project, "panel/places", places="city", **asked)


def test_an_inactive_project_says_so_where_nothing_is(
    signed_in: Client, project: TestProject
) -> None:
    assert "inactive" not in show(signed_in, project, "top", period="7d")
    project.row.is_active = False
    project.row.save()

    assert "This project is inactive" in show(signed_in, project, "top", period="7d")


def test_what_was_used_last_in_a_project_is_shown_there_again(
    signed_in: Client, filled: TestProject
) -> None:
    assert "<span>Today</span>" in show(signed_in, filled, "bar")  # its first day

    show(signed_in, filled, period="91d")

    cookie = signed_in.cookies["view"]
    assert cookie["path"] == f"/p/{filled.row.pk}/"
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert "Last 91 days" in show(signed_in, filled, "bar")
    filled.row.created_at -= timedelta(days=2)
    filled.row.save(update_fields=["created_at"])
    assert "Last 91 days" in show(signed_in, filled, "bar")
    del signed_in.cookies["view"]
    assert "Last 28 days" in show(signed_in, filled, "bar")
