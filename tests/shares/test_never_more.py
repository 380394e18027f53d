"""A share link never shows more than was shared, whatever its address says."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from analytics.projects.models import Project
from analytics.web.problems import Forbidden
from dashboard.asking import Desk
from dashboard.parts.panels import PANELS
from dashboard.parts.sharing import SharedDesk, open_shared
from people.shares.limits import METRICS, NotShared
from people.shares.shared import FIELDS_OF_PANELS, list_shared
from reporting.questions.fields import NAMED, OF_VISITS
from tests.conftest import TestProject
from tests.shares.conftest import GERMANY, SECRETS, Share, Visitor

OF_NOBODY = ("userId", "sessionId", "properties.secret", 'properties["secret"]', "properties")
NOT_SHARED = ("country", "city", "event", "bot", "device", *OF_NOBODY, "did", "ip", "visitor")
FILTERS = (
    "is:country:FR", "not:country:DE", "is:userId:mallory", "known:userId", "starts:sessionId:h",
    "is:event:secret signup", "matches:properties.secret:.*", "gt:properties.secret:0",
    "unknown:bot", "is:city:Bordeaux", '{"did":{"field":"path","op":"is","values":["/secret"]}}',
    "did:path:/secret", "segment:x-1", "goal:x-1",
)  # fmt: skip
WINDOWS = (
    {"period": "all"}, {"period": "12mo"}, {"from": "2020-01-01", "to": "2030-01-01"},
    {"from": "2020-01-01", "until": "2030-01-01"}, {"period": "x"}, {"compare": "previous"},
    {"compare": "year", "period": "all"},
)  # fmt: skip
# What the query language has and no address of a page: nothing is to come of it.
OTHERS = (
    {"metric": "users"}, {"metric": "conversions"}, {"metric": "events"}, {"metrics": "users"},
    {"dimensions": "userId"}, {"filter": '{"field":"userId","op":"exists"}'},
    {"goal": '{"field":"event","op":"is","values":["secret signup"]}'},
    {"bots": "only"}, {"bots": "true"}, {"timezone": "Asia/Tokyo"}, {"restriction": ""},
    {"only": ""}, {"exact": "true"}, {"limit": "100000"}, {"offset": "0"}, {"places": "country"},
    {"pages": "userId"}, {"sources": "properties"}, {"events": "properties"}, {"one": "is:bot:x"},
    {"project": "x"}, {"link": "x"}, {"unit": "minute"}, {"unit": "second"}, {"token": "x"},
    {"how": "is", "field": "userId", "value": "mallory"}, {"group": "userId"}, {"by": "userId"},
)  # fmt: skip
NOT_THERE = (
    "panel/places", "panel/devices", "panel/events", "panel/bots", "panel/nonsense", "events",
    "live", "live/now", "current", "funnels", "retention", "journeys", "trust", "settings",
    "events/result", "funnels/result", "waiting", "glance", "beside", "notes", "books",
)  # fmt: skip
SEEN = re.compile(r'data-metric="(\w+)" data-value="([^"]*)"|data-key="([^"]*)"')


def see(visitor: Visitor, path: str = "", **query: Any) -> list[tuple[str, ...]]:
    """Every number and key of the answer, which holds no secret but those of its own address."""
    answer = visitor.get(path, **query)
    assert answer.status_code == 200, (path, query, answer.content)
    text = answer.content.decode()
    told = re.sub(r"<p>Left out.*?</p>", "", text)
    for secret in SECRETS:
        assert secret not in told or secret in str(query), (secret, query)
    return SEEN.findall(text)


@pytest.fixture
def link(told: TestProject, share: Share) -> Visitor:
    """Of pages and sources, of Germany, of seven days."""
    return share(told, restriction=GERMANY, period="7d", may_choose_window=False)


def test_what_is_seen_is_what_was_shared(link: Visitor) -> None:
    seen = see(link, full=1)
    figures = {name: value for name, value, _ in seen if name}

    assert (figures["visitors"], figures["visits"], figures["views"]) == ("2", "2", "3")
    assert {key for _, _, key in seen if key} == {"/", "/pricing", "/docs", "Direct", "Referral"}


def see_all(visitor: Visitor, **query: Any) -> list[Any]:
    """What the page shows, its list of pages, and the file of that."""
    return [
        see(visitor, full=1, **query),
        see(visitor, "list/path/rows", **query),
        visitor.read("list/path/csv", **query),
    ]


def test_a_filter_on_what_is_not_shared_is_left_out_and_named(link: Visitor) -> None:
    typed = {"field": "path", "value": ""}
    shared, suggested = see_all(link), link.read("suggest", **typed)
    for text in FILTERS:
        assert see_all(link, f=text) == shared, text
        assert link.read("suggest", **typed, f=text) == suggested, text
        assert "Left out: f=" in link.read("bar", f=text), text


def test_no_other_window_is_shown_where_one_alone_is_shared(link: Visitor) -> None:
    shared = see_all(link)
    for window in WINDOWS:
        assert see_all(link, **window) == shared, window
        assert "/long-ago" not in link.read("list/path/rows", **window), window
        assert 'class="change' not in link.read("top", **window), window  # nothing is compared
        assert "Left out: " in link.read("bar", **window), window


def test_nothing_else_in_an_address_shows_more(link: Visitor) -> None:
    shared = see_all(link)
    for query in OTHERS:
        assert see_all(link, **query) == shared, query


def test_a_field_that_is_not_shared_is_as_one_that_is_none(link: Visitor) -> None:
    nonsense = link.get("list/nonsense").content
    for field in NOT_SHARED:
        answers = [
            link.get(f"list/{field}"),
            link.get(f"list/{field}/rows"),
            link.get(f"list/{field}/csv"),
            link.get("row", field=field, key="x"),
            link.get("suggest", field=field, value="x"),
        ]
        for answer in answers:
            assert (answer.status_code, answer.content) == (404, nonsense), field


def test_pages_and_panels_that_are_not_shared_are_not_there(link: Visitor) -> None:
    for path in NOT_THERE:
        assert link.get(path).status_code == 404, path


def test_searching_sorting_and_paging_are_of_what_is_shared(link: Visitor) -> None:
    assert see(link, "list/path/rows", q="secret") == []
    assert len(see(link, "list/path/rows", q="docs")) == 1
    rows = see(link, "list/path/rows")
    for sort in ("users", "country", "-events", "properties.secret", "userId"):
        assert see(link, "list/path/rows", sort=sort) == rows, sort
    for sort in ("name", "-name", "views", "-bounceRate"):
        assert sorted(see(link, "list/path/rows", sort=sort)) == sorted(rows), sort
    for page in ("0", "-1", "2", "999999", "x"):
        see(link, "list/path/rows", page=page)
    assert "of 3</span>" in link.read("list/path/rows")
    assert link.read("suggest", field="path", value="s").count("<option") == 1


def test_all_panels_together_show_nobody_and_no_property(told: TestProject, share: Share) -> None:
    everything = share(told, tuple(PANELS))
    page = everything.read(full=1, period="all")
    for field in list_shared(PANELS):
        page += everything.read(f"list/{field}/rows", period="all")
        page += everything.read(f"list/{field}/csv", period="all")

    assert "secret signup" in page
    for hidden in ("mallory", "ann", "bob", "hidden-session", "secret plan"):
        assert not re.search(rf"\b{hidden}\b", page), hidden
    assert told.row.pk not in page
    for field in OF_NOBODY:
        assert everything.get(f"list/{field}").status_code == 404
        assert "Left out: f=" in everything.read("bar", f=f"known:{field}")


def test_what_went_wrong_tells_nothing_of_the_project(told: TestProject, share: Share) -> None:
    visitor = share(told, restriction={**GERMANY, "op": "matches", "values": ["^(DE|secret)$"]})
    Project.objects.filter(pk=told.row.pk).update(
        retention_days=3, raw_since=timezone.now() - timedelta(days=3)
    )

    for query in ({"period": "12mo"}, {"period": "12mo", "full": "1"}):
        for path in ("top", "list/path/rows", "list/path/csv", "list/path", ""):
            text = visitor.get(path, **query).content.decode()
            assert "keeps its events" not in text, (path, query)
            assert "raw_expired" not in text
            assert "secret" not in text
    assert "This cannot be shown" in visitor.get("top", period="12mo").content.decode()
    refused = visitor.get("top", period="today", f="matches:path:(")
    assert "A pattern of the filters is refused." in refused.content.decode()


def test_the_latest_event_and_the_website_are_not_told(told: TestProject, share: Share) -> None:
    Project.objects.filter(pk=told.row.pk).update(hostnames=["secret.example"])
    visitor = share(told, period="lastMonth", restriction={**GERMANY, "values": ["XX"]})

    assert "The last event" not in visitor.read("top")
    assert "Nothing in this window." in visitor.read("top")
    assert "secret.example" not in visitor.read("row", field="path", key="/docs")


ASKED: list[dict[str, Any]] = [
    {"metrics": ["views"], "dimensions": ["userId"]},
    {"metrics": ["views"], "dimensions": ["time:hour", "country"]},
    {"metrics": ["views"], "dimensions": ["properties.secret"]},
    {"metrics": ["users"]},
    {"metrics": ["sum(properties.secret)"]},
    {"metrics": ["unique(properties.secret)"]},
    {"metrics": ["views"], "bots": "only"},
    {"metrics": ["views"], "filter": {"field": "sessionId", "op": "exists"}},
    {"metrics": ["views"], "filter": {"did": {"field": "path", "op": "is", "values": ["/"]}}},
    {"metrics": ["views"], "filter": {"not": {"or": [{"field": "city", "op": "exists"}]}}},
    {"metrics": ["conversions"], "goal": {"field": "event", "op": "exists"}},
    {"metrics": ["views"], "period": "28d"},
    {"metrics": ["views"], "period": "7d", "compare": "previous"},
    {"metrics": ["views"], "period": "7d", "timezone": "Asia/Tokyo"},
]


def test_no_question_passes_that_is_not_shared_whoever_wrote_it(link: Visitor) -> None:
    desk = open_shared(link.link, link.token)
    shared = {"period": "7d", "metrics": ["views"], "dimensions": ["path"]}

    assert desk.ask(shared)[0]["totals"] == [3]
    for body in ASKED:
        with pytest.raises(NotShared):
            desk.ask({"period": "7d", **body})
        with pytest.raises(NotShared):
            desk.ask(shared, {"period": "7d", **body})


def test_a_desk_has_no_way_to_ask_that_a_shared_one_has_not_closed(link: Visitor) -> None:
    through_parse = {"ask", "of_this_moment", "now", "zone"}
    public = (name for each in Desk.__mro__[:-1] for name in vars(each) if name[0] != "_")
    ways = {*public} - {"project", "asker", "zones"}
    closed = {name for name in vars(SharedDesk) if not name.startswith("_")}

    assert ways - closed == through_parse
    desk = open_shared(link.link, link.token)
    for name in ways - through_parse - {"parse", "find_latest"}:
        with pytest.raises(Forbidden):
            getattr(desk, name)()
    assert desk.find_latest() is None
    assert desk.project.pk == link.token


def test_what_can_be_shared_is_shown_by_the_panels_and_is_of_nobody() -> None:
    assert set(FIELDS_OF_PANELS) == set(PANELS)
    for name, fields in FIELDS_OF_PANELS.items():
        assert set(fields) <= set(PANELS[name].fields), name
    assert list_shared(FIELDS_OF_PANELS) == {*NAMED, *OF_VISITS} - {"userId", "sessionId"}
    assert "users" not in METRICS
