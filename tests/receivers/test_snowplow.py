"""Snowplow's trackers: what they send becomes, and what they are answered."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from analytics.metrics.counting import add_up_notes
from analytics.metrics.names import REFUSED
from tests.conftest import TestProject
from tests.pages import ADDRESS, BROWSER
from tests.receivers.vendor import add_alias, basic, count_refusals, post, read_stored

TP2 = "/com.snowplowanalytics.snowplow/tp2"
APP = "shop-web"
URL = "https://shop.example/product/42?utm_source=mail"
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
VIEW = {
    "e": "pv", "url": URL, "page": "Product 42", "refr": "https://www.google.com/", "aid": APP,
    "eid": "26f572f2-0107-4dea-9913-be0fee6d0a8f", "uid": "user-1", "sid": "session-1",
    "dtm": str(int(AT.timestamp() * 1_000)), "res": "1920x1080", "lang": "pt-BR",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _alias(project: TestProject) -> None:
    add_alias(project, f"snowplow:{APP}")


def send(*events: Any, **headers: Any) -> Any:
    return post(TP2, {"schema": "iglu:payload_data", "data": list(events)}, **headers)


def event(type_: str, **fields: str) -> dict[str, str]:
    return {"e": type_, "aid": APP, "url": URL, **fields}


def describe(schema: str, data: Any) -> dict[str, Any]:
    return {"schema": f"iglu:com.shop/{schema}/jsonschema/1-0-0", "data": data}


def pack(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize("how", ["tp2", "picture"])
def test_a_view_is_stored_in_our_words(project: TestProject, how: str) -> None:
    for _ in range(2):  # the same id
        if how == "tp2":
            answer = send(VIEW)
            assert (answer.status_code, answer.content) == (200, b"ok")
        else:
            client = Client(REMOTE_ADDR=ADDRESS, HTTP_USER_AGENT=BROWSER)
            answer = client.get(f"/i?{urlencode(VIEW)}")
            assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")

    [stored] = read_stored(project)
    assert (stored["event"], stored["path"], stored["utmSource"]) == (
        "pageview", "/product/42", "mail",
    )  # fmt: skip
    assert (stored["userId"], stored["sessionId"], stored["timestamp"]) == (
        "user-1", "session-1", AT,
    )  # fmt: skip
    assert (stored["title"], stored["language"], stored["screen"]) == (
        "Product 42", "pt-BR", "1920x1080",
    )  # fmt: skip
    assert stored["referrer"] == "google.com"


@pytest.mark.parametrize("is_packed", [True, False])
def test_what_describes_itself_is_named_by_its_schema(
    project: TestProject, is_packed: bool
) -> None:
    signup = {"schema": "iglu:unstruct", "data": describe("signup", {"plan": "pro"})}
    attached = {"data": [describe("user", {"age": "old"}), describe("web_page", {"id": "x"})]}
    fields = (
        {"ue_px": pack(signup), "cx": pack(attached)}
        if is_packed
        else {"ue_pr": json.dumps(signup), "co": json.dumps(attached)}
    )

    send(event("ue", **fields))

    [stored] = read_stored(project)
    assert stored["event"] == "signup"
    assert stored["properties"] == {"plan": "pro", "contexts": {"user": {"age": "old"}}}


@pytest.mark.parametrize(
    ("sent", "name", "properties"),
    [
        (
            event("se", se_ca="shop", se_ac="buy", se_la="a", se_pr="b", se_va="1.5"), "buy",
            {"category": "shop", "label": "a", "property": "b", "value": 1.5},
        ),
        (event("pp"), "$ping", None),
        (
            event("tr", tr_id="7", tr_tt="12.5", tr_cu="EUR"), "order",
            {"order": "7", "revenue": 12.5, "currency": "EUR"},
        ),
        (
            event("ti", ti_id="7", ti_sk="s", ti_pr="2", ti_qu="3"), "item",
            {"order": "7", "sku": "s", "price": 2.0, "quantity": 3.0},
        ),
        (
            event("ue", ue_px=pack({"data": describe("link_click", {"targetUrl": "u"})})),
            "$link", {"targetUrl": "u"},
        ),
    ],
)  # fmt: skip
def test_what_is_told_tells_what_happened(
    project: TestProject, sent: dict[str, str], name: str, properties: Any
) -> None:
    send(sent)

    [stored] = read_stored(project)
    assert (stored["event"], stored.get("properties")) == (name, properties)


def test_a_fast_clock_is_moved_back(project: TestProject) -> None:
    ahead = str(int((datetime.now(UTC) + timedelta(hours=2)).timestamp() * 1_000))

    send({**VIEW, "dtm": ahead, "stm": ahead})

    assert read_stored(project)[0]["timestamp"] < datetime.now(UTC) + timedelta(minutes=1)


def test_a_bad_event_sinks_no_other(project: TestProject, other_project: TestProject) -> None:
    add_alias(other_project, "snowplow:theirs")
    bad = [
        7, event("xx"), event("se", se_ac="x" * 200), event("ue", ue_px="!"), event("se"),
        {**VIEW, "aid": "theirs"}, {**VIEW, "aid": None}, {**VIEW, "dtm": "never"},
    ]  # fmt: skip

    assert send(VIEW, *bad).status_code == 200

    assert (len(read_stored(project)), len(read_stored(other_project))) == (1, 0)
    assert sum(count_refusals(project).values()) == len(bad)


@pytest.mark.parametrize(("odd", "count"), [([], 1_001), ([], 1_500), ([7], 1_501)])
def test_of_what_is_too_large_each_event_is_counted_and_none_is_told(
    project: TestProject, odd: list[int], count: int
) -> None:
    """Its trackers would send the same for ever."""
    answer = post(TP2, b" " * (1024 * 1024 + 1), **basic(project.ingest_key))
    many = send(*[event("pp")] * (count - len(odd)), *odd)

    assert (answer.status_code, many.status_code) == (200, 200)
    assert count_refusals(project) == {
        "snowplow/body_too_large": 1,  # unread, so it is one of them at least
        "snowplow/too_many_events": count,
    }
    assert read_stored(project) == []


def test_of_what_is_over_the_burst_each_event_is_counted(project: TestProject) -> None:
    many = send(*[event("pp")] * 300)

    assert many.status_code == 200
    assert count_refusals(project) == {"snowplow/over_burst": 300}
    assert read_stored(project) == []


def test_what_is_too_large_to_tell_whose_it_is_is_counted_by_the_service(
    project: TestProject,
) -> None:
    add_up_notes()
    counter = REFUSED.labels(code="body_too_large")
    before = counter._value.get()

    assert post(TP2, b" " * (1024 * 1024 + 1)).status_code == 200

    add_up_notes()
    assert counter._value.get() == before + 1
    assert count_refusals(project) == {}


def test_an_unknown_app_is_refused(project: TestProject) -> None:
    answer = send({**VIEW, "aid": "unknown"})

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_alias")


def test_a_server_with_a_key_says_who_was_there(project: TestProject) -> None:
    told = {**VIEW, "ip": "203.0.113.9", "ua": "Mozilla/5.0 (X11)", "aid": "any"}

    send(told, **basic(project.ingest_key))

    [stored] = read_stored(project)
    assert stored["ip"].startswith("203.0.113.")
    assert stored["userAgent"] == "Mozilla/5.0 (X11)"
