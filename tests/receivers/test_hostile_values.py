"""Values that no client sends: they sink neither the request nor the others of their batch."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from ingestion.receivers.batches import MOST_LOOKED_AT, read_items
from ingestion.receivers.vendors import segment_context
from ingestion.receivers.vendors.matomo import translate_request as translate_matomo
from ingestion.receivers.vendors.plausible import translate_event as translate_plausible
from ingestion.receivers.vendors.segment_context import read_context, read_view
from ingestion.receivers.vendors.snowplow import translate_event as translate_snowplow
from tests.conftest import TestProject
from tests.pages import make_public_key
from tests.receivers.bodies import RECEIVED, WEBSITE, make_owner, make_request
from tests.receivers.vendor import count_refusals, post, read_stored

HUGE = 10**400  # beyond what a float holds


def make_batch(name: str, value: Any) -> tuple[str, Any]:
    """A good event and one that says how much was seen of a page, in the words of a vendor."""
    match name:
        case "umami":
            good = {"type": "event", "payload": {"website": WEBSITE, "url": "/"}}
            seen = {"type": "engagement", "payload": {"website": WEBSITE, "engagement": value}}
            return "/api/batch", [good, seen]
        case "ga4":
            params = {"engagement_time_msec": value}
            return "/mp/collect", {
                "events": [{"name": "good"}, {"name": "user_engagement", "params": params}]
            }
        case _:
            told = {"$prev_pageview_max_scroll_percentage": value}
            return "/batch", {
                "batch": [{"event": "good"}, {"event": "$pageleave", "properties": told}]
            }


@pytest.mark.parametrize("value", [HUGE, -HUGE, 1e308], ids=["large", "small", "float"])
@pytest.mark.parametrize("name", ["umami", "ga4", "posthog"])
def test_a_number_beyond_all_is_left_out_of_its_event_alone(
    project: TestProject, name: str, value: Any
) -> None:
    owner = make_owner(project)
    path, body = make_batch(name, value)

    answer = post(path, body, HTTP_AUTHORIZATION=f"Bearer {owner.key}")

    assert answer.status_code in (200, 204), answer.content
    assert len(read_stored(project)) == 2


@pytest.mark.parametrize("value", [HUGE, -HUGE], ids=["large", "small"])
def test_a_view_that_lasted_longer_than_all_is_a_view(project: TestProject, value: Any) -> None:
    owner = make_owner(project)
    event = {"n": "engagement", "u": "https://shop.example/", "d": owner.hostname, "e": value}

    assert post("/api/event", event).status_code == 202
    assert len(read_stored(project)) == 1


@pytest.mark.parametrize("item", [b"{}", b"1"])
def test_of_a_batch_that_is_too_long_one_more_than_are_taken_is_looked_at(item: bytes) -> None:
    items = read_items(b"[%b]" % b",".join([item] * 5_000), "an array")

    assert len(items.found) == len(items.list_sources()) == MOST_LOOKED_AT


@pytest.mark.parametrize("odd", [[], [1]])
@pytest.mark.parametrize(
    ("name", "path"),
    [
        each
        for each in RECEIVED
        if each[1].endswith(("batch", "/b", ".php", "tp2", "api", "collect"))
    ],
)
def test_a_batch_that_is_too_long_is_refused_and_counted_whatever_is_in_it(
    project: TestProject, name: str, path: str, odd: list[int]
) -> None:
    owner = make_owner(project)
    sent = make_request(name, path, owner)
    body = sent.body
    array = body if isinstance(body, list) else next(v for v in body.values() if type(v) is list)
    array[:] = [*array * 1_000, *odd, array[0]]

    answer = post(path, body, HTTP_AUTHORIZATION=f"Bearer {owner.key}")

    assert answer.status_code == (200 if name == "snowplow" else 413), answer.content
    count = len(array) if name == "snowplow" else 1  # its client is told of none, and gives up all
    assert count_refusals(project) == {f"{name}/too_many_events": count}
    assert read_stored(project) == []


@pytest.mark.parametrize("is_array", [True, False])
def test_an_event_that_names_the_key_of_another_project_reaches_none(
    project: TestProject, other_project: TestProject, is_array: bool
) -> None:
    ours, theirs = (make_public_key(each).text for each in (project, other_project))
    events = [
        {"event": name, "properties": {"token": key}}
        for name, key in (("a", ours), ("b", theirs), ("c", ours))
    ]

    answers = [
        post("/e/", events if is_array else {"batch": events}),
        post("/track", events),
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert sorted(event["event"] for event in read_stored(project)) == ["a", "a", "c", "c"]
    assert read_stored(other_project) == []
    assert count_refusals(project) == {"posthog/other_key": 1, "mixpanel/other_key": 1}


def test_what_is_deep_in_a_context_is_not_kept_for_the_next() -> None:
    deep = b'{"traits":{"a":[' + b"[]," * 1_000 + b"1]}}"
    plain = b'{"locale":"de-DE","campaign":{"name":"a"}}'

    for context in (deep, plain):
        assert read_context(context) == read_view(context, b"").context
    assert read_view(plain, deep).context == read_context(plain)

    assert deep not in segment_context._contexts
    assert plain in segment_context._contexts
    assert not any(deep in pair for pair in segment_context._views)


HALF = '{"a":"\\ud83d","b":"c"}'  # as a script cuts a text within an emoji
DESCRIBED = f'{{"data":{{"schema":"iglu:com.shop/signup/jsonschema/1-0-0","data":{HALF}}}}}'


@pytest.mark.parametrize(
    "translated",
    [
        lambda: translate_plausible({"n": "e", "u": "https://a.example/", "p": HALF}),
        lambda: translate_snowplow({"e": "ue", "ue_pr": DESCRIBED}),
        lambda: translate_snowplow(
            {"e": "ue", "ue_px": urlsafe_b64encode(DESCRIBED.encode()).decode()}
        ),
        lambda: translate_matomo(
            {"rec": "1", "e_a": "e", "cvar": '{"1":["a","\\ud83d"],"2":["b","c"]}'}
        ),
    ],
    ids=["plausible", "snowplow", "snowplow in base64", "matomo"],
)
def test_half_a_character_in_a_text_that_is_json_takes_nothing_along(
    translated: Callable[[], Any],
) -> None:
    assert translated()["properties"] == {"a": "\ufffd", "b": "c"}


def test_no_cache_answers_for_an_event_in_an_address(project: TestProject) -> None:
    event = {"event": "e", "properties": {"token": make_public_key(project).text}}

    answer: Any = Client().get("/track", {"data": json.dumps(event)})

    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("path", ["/matomo.php", "/i", "/track"])
def test_who_asks_for_the_head_of_an_address_sends_nothing(project: TestProject, path: str) -> None:
    owner = make_owner(project)
    query = {"idsite": owner.site, "rec": "1", "url": "https://shop.example/", "key": owner.key}

    answer: Any = Client().head(path, query)

    assert answer.status_code == 405
    assert "HEAD" not in answer["Allow"]
    assert read_stored(project) == []
