"""Every key and value of properties that was accepted can be asked for, and nothing else can."""

import random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reporting.questions.conditions import Compare, Not
from reporting.questions.fields import parse_field
from reporting.questions.filters import parse_filter
from tests import stored
from tests.conftest import Api, TestProject, make_project
from tests.reporting.test_stats_raw import DAY, get, store_events

pytestmark = pytest.mark.slow


def groups_of(api: Api, key: str, **query: Any) -> dict[Any, int]:
    groups = get(api, "/stats", groupBy=key, limit=1000, **query)["groups"]
    return {group["value"]: group["count"] for group in groups}


def count(api: Api, *filters: str, **query: Any) -> int:
    [point] = get(api, "/stats/timeseries", filter=list(filters), **(DAY | query))["series"]
    return int(point["events"])


def test_names_with_dots_dollars_and_colons_are_found(project: TestProject, read: Api) -> None:
    stored.store_events(
        project,
        [
            {
                "path": "/k",
                "event": "k",
                "properties": {"utm.source": "x", "$current_url": "y", "a:b": "z", "plan": ""},
            }
        ],
    )

    for key, value in (
        ("properties.utm.source", "x"),
        ('properties["utm.source"]', "x"),
        ("properties.$current_url", "y"),
        ('properties["$current_url"]', "y"),
        ("properties.a:b", "z"),
        ('properties["a:b"]', "z"),
        ("properties.plan", ""),
    ):
        assert groups_of(read, key) == {value: 1}
        for asked in (f"{key}:is:{value}", f"{key}:starts_with:{value}", f"{key}:exists"):
            body = get(read, "/stats", groupBy=key, filter=asked)
            assert [group["value"] for group in body["groups"]] == [value], asked
        assert (
            get(read, "/stats/breakdown", by="event", filter=f"{key}:is_not:{value}")["total"] == 0
        )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("properties.a.b", {"literal": 2, "nested": 1, None: 1}),
        ('properties["a.b"]', {"literal": 2, None: 1}),
        ('properties.a["b"]', {"nested": 2}),
        ('properties["a"]["b"]', {"nested": 2}),
        ('properties["a"].b', {"nested": 2}),
        ("properties.a.b.c", {"whole": 1, "within": 1, "deep": 1}),
        ('properties["a.b"].c', {"beyond": 1}),
        ('properties.a["b.c"]', {"within": 1}),
    ],
)
def test_a_dotted_name_is_the_literal_key_first_then_the_nested_one(
    project: TestProject, read: Api, key: str, expected: dict[Any, int]
) -> None:
    store_events(
        project,
        *(
            {"properties": properties}
            for properties in (
                {"a.b": "literal"},
                {"a": {"b": "nested"}},
                {"a.b": "literal", "a": {"b": "nested"}},
                {"a.b": None, "a": [{"b": "in a list"}]},
                {"a.b.c": "whole", "a.b": {"c": "beyond"}} if ".c" in key else {},
                {"a": {"b.c": "within"}} if "c" in key else {},
                {"a": {"b": {"c": "deep"}}} if key == "properties.a.b.c" else {},
            )
        ),
    )

    assert groups_of(read, key) == expected


HOSTILE_KEYS = [
    "", ".", "..", "a..b", ".a", "a.", "$", "$$", "$where", "$$ROOT", "$$REMOVE", "$a.$b", "a.$b",
    "__proto__", "constructor", "a:b", "a:is:b", ":", "is", "exists", "a]", '"', "'", '["a"]',
    'a["b', "\\", '\\"]', "a b", "\n", "\t\x01\x7f", "\u2028", "ü", "日本", "\U0001f600", "0", "-1",
    "_id", "project", "x" * 1000, "." * 100, "$" * 100, "%00", "<script>", "{}", "[0]", "a[0]",
    "a" + ".b" * 31,
]  # fmt: skip


def quote(key: str) -> str:
    """The escape that the documentation names, by hand: a JSON string in brackets."""
    escaped = (
        key.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    )
    return f'properties["{escaped}"]'


def test_any_key_is_reached_by_its_escape_and_no_other_key_with_it(
    project: TestProject, read: Api
) -> None:
    store_events(project, *({"properties": {key: f"of {key}"}} for key in HOSTILE_KEYS))

    for key in HOSTILE_KEYS:
        found = groups_of(read, quote(key))
        assert found == {f"of {key}": 1}, key
        assert count(read, f"{quote(key)}:exists") == 1
        assert count(read, f"{quote(key)}:is:of {key}") == 1
        assert count(read, f"{quote(key)}:is:$where") == 0


def test_a_key_as_it_is_written_never_makes_an_error_of_the_service(
    project: TestProject, read: Api
) -> None:
    store_events(project, *({"properties": {key: 1}} for key in HOSTILE_KEYS))
    names = [*HOSTILE_KEYS, "a\x00b", "\x00", "a" * 10_000, "a." * 2_000, "$a." * 500 + "b"]
    names += ['["\\ud800"]', '["\\u0000"]', '["\\ud83d\\ude00"]', '["a"', '["a"]b', '["\\x"]']

    for name in names:
        for field in (f"properties.{name}", f"properties{name}", name):
            for query in ({"groupBy": field}, {"filter": f"{field}:is:1"}, {"filter": field}):
                answer = read.get("/stats", **query)
                assert answer.status_code in (200, 400), (query, answer.content)
                if answer.status_code == 400:
                    assert answer.json()["code"] in ("bad_group_by", "bad_filter", "invalid_query")


_KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6) | st.text(
    "a.b$:[]\"\\'", max_size=6
)


@settings(max_examples=20)
@given(st.lists(_KEYS, min_size=1, max_size=3), st.sampled_from(["x", "", "a:is:b", "$x", "["]))
@example(["$where", "a.b", '"]:is:["'], "]")
def test_any_path_of_keys_is_found_by_escapes(store: None, keys: list[str], value: str) -> None:
    project = make_project()
    properties: Any = value
    for key in reversed(keys):
        properties = {key: properties}
    store_events(project, {"properties": properties}, {"properties": {"other": value}})
    name = "properties" + "".join(quote(key).removeprefix("properties") for key in keys)
    api = Api(project.read_key)

    assert parse_field(name).keys == tuple((key,) for key in keys)
    if keys != ["other"]:
        assert groups_of(api, name) == {value: 1}
        assert count(api, f"{name}:is:{value}") == 1


def test_the_empty_value_is_found(project: TestProject, read: Api) -> None:
    store_events(
        project,
        {"properties": {"plan": ""}},
        {"properties": {"plan": "pro"}},
        {"properties": {"plan": None}},
        {"properties": {"plan": 0}},
        {},
    )

    assert count(read, "properties.plan:is:") == 1
    assert count(read, "properties.plan:is_not:") == 4
    assert count(read, "properties.plan:contains:") == 2
    assert count(read, "properties.plan:starts_with:") == 2
    assert count(read, "path:is:") == 0
    assert count(read, "country:is_not:") == 5


@pytest.mark.parametrize("key", ["plan", "$plan", "pl.an", "a:b", "deep.er.key"])
def test_a_property_is_there_unless_it_is_missing_or_null(
    project: TestProject, read: Api, key: str
) -> None:
    values = ["x", "", 0, False, [], {}, None]
    store_events(project, *({"properties": {key: value}} for value in values))
    store_events(project, {"properties": {}}, {"properties": {"other": 1}}, {})

    assert count(read, f"properties.{key}:exists") == 6
    assert count(read, f"properties.{key}:not_exists") == 4
    assert count(read, f"properties.{key}:exists", f"properties.{key}:not_exists") == 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"filter": "properties.pln:is:x"}, [("field_absent", "filter", "properties.pln")]),
        ({"filter": "properties.plan:is:x"}, [("value_absent", "filter", "properties.plan")]),
        ({"filter": "properties.plan:not_exists"}, [("value_absent", "filter", "properties.plan")]),
        ({"filter": "path:is:"}, [("value_absent", "filter", "path")]),
        ({"filter": "referrer:exists"}, [("field_absent", "filter", "referrer")]),
        (
            {"filter": ["properties.plan:is:pro", "properties.plan:is:free"]},
            [("no_overlap", "filter", None)],
        ),
        (
            {"filter": ["properties.plan:is:pro", "properties.$x:exists", "country:is:XX"]},
            [("field_absent", "filter", "properties.$x"), ("field_absent", "filter", "country")],
        ),
        ({"start": "2026-03-12", "end": "2026-03-12"}, [("no_events", None, None)]),
        (
            {"start": "2026-03-12", "end": "2026-03-12", "filter": "path:is:/"},
            [("no_events", None, None)],
        ),
        ({"filter": "properties.plan:is:pro"}, []),
        ({"filter": "properties.pln:not_exists"}, []),
    ],
)
def test_a_question_that_finds_nothing_says_why(
    project: TestProject, read: Api, query: dict[str, Any], expected: list[Any]
) -> None:
    store_events(project, {"properties": {"plan": "pro"}}, {"properties": {"plan": "free"}})

    for path, more in (
        ("/stats", {}),
        ("/stats", {"groupBy": "path"}),
        ("/stats", {"exact": "true"}),
        ("/stats/breakdown", {"by": "path"}),
        ("/stats/timeseries", {"interval": "hour"}),
    ):
        meta = get(read, path, **(DAY | query), **more)["meta"]
        reasons = meta.get("nothing", [])
        told = [(r["code"], r.get("parameter"), r.get("field")) for r in reasons]
        assert told == expected, path
        assert all(reason["detail"].endswith(".") for reason in reasons)
        assert ("nothing" in meta) == bool(expected)


@pytest.mark.parametrize("exact", ["false", "true"])
def test_groups_by_a_field_that_no_event_has_say_so(
    project: TestProject, read: Api, exact: str
) -> None:
    store_events(project, {"country": "DE", "event": "signup"})

    def reasons(path: str, **query: str) -> list[Any]:
        meta = get(read, path, exact=exact, **query)["meta"]
        return [(r["code"], r["parameter"], r["field"]) for r in meta.get("nothing", [])]

    assert reasons("/stats", groupBy="utmSource") == [("field_absent", "groupBy", "utmSource")]
    assert reasons("/stats", groupBy="properties.x") == [
        ("field_absent", "groupBy", "properties.x")
    ]
    assert reasons("/stats/breakdown", by="userId") == [("field_absent", "by", "userId")]
    assert reasons("/stats/breakdown", by="browser") == [("field_absent", "by", "browser")]
    assert reasons("/stats", groupBy="country") == []  # it has no views, and so no group
    assert reasons("/stats/breakdown", by="browser", none="true") == []


def test_realtime_that_finds_nothing_says_why(project: TestProject, read: Api) -> None:
    [reason] = get(read, "/stats/realtime", filter="path:is:/")["meta"]["nothing"]

    assert reason == {
        "code": "no_events", "detail": "No event lies in the window, bots left out."
    }  # fmt: skip


def test_filters_know_no_more_of_a_project_than_its_own_events(
    project: TestProject, other_project: TestProject, read: Api
) -> None:
    store_events(other_project, {"properties": {"secret": "x"}, "country": "DE"})

    [reason] = get(read, "/stats", filter="properties.secret:is:x")["meta"]["nothing"]

    assert reason["code"] == "no_events"


def test_old_spellings_of_filters_mean_what_they_did() -> None:
    chance = random.Random(8)
    fields = ["path", "userId", "properties.a", "properties.a.b", "properties.x y"]
    pieces = ["is", "is_not", "contains", "exists", ":", "::", "a", '["', '"]', "properties.", " "]
    for _ in range(500):
        field, operator = chance.choice(fields), chance.choice(["is", "is_not", "contains"])
        value = ":".join(chance.choices(pieces, k=chance.randrange(1, 5)))
        found = parse_filter(f"{field}:{operator}:{value}")
        of = parse_field(field)
        assert (
            found
            == {
                "is": Compare(of, "is", (value,)),
                "is_not": Not(Compare(of, "is", (value,))),
                "contains": Compare(of, "contains", (value,)),
            }[operator]
        )
