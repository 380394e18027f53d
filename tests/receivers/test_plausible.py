"""Plausible's trackers and its events API: what is sent becomes, and what it is answered."""

import json
from typing import Any

import pytest

from tests.conftest import TestProject
from tests.pages import BROWSER, set_rules
from tests.receivers.vendor import add_alias, count_refusals, post, read_stored

DOMAIN = "shop.example"
URL = "https://shop.example/product/42?utm_source=mail"
VIEW = {"n": "pageview", "v": 36, "u": URL, "d": DOMAIN, "r": "https://www.google.com/"}


@pytest.fixture(autouse=True)
def _alias(project: TestProject) -> None:
    add_alias(project, f"plausible:{DOMAIN}")


def send(body: Any, **headers: Any) -> Any:
    headers.setdefault("content_type", "text/plain")
    return post("/api/event", body, **headers)


def send_event(name: str, **fields: Any) -> Any:
    return send({**VIEW, "n": name, **fields})


@pytest.mark.parametrize("path", ["/api/event", "/api/event/"])
def test_a_view_is_stored_in_our_words(project: TestProject, path: str) -> None:
    answer = post(path, {**VIEW, "p": {"plan": "pro"}}, content_type="text/plain")

    assert (answer.status_code, answer.content) == (202, b"ok")
    [event] = read_stored(project)
    assert (event["event"], event["path"], event["hostname"]) == (
        "pageview", "/product/42", "shop.example",
    )  # fmt: skip
    assert (event["utmSource"], event["referrer"]) == ("mail", "google.com")
    assert event["userAgent"] == BROWSER
    assert event["properties"] == {"plan": "pro"}
    assert "anonymous" in event


def test_the_long_names_of_its_events_api_are_read_as_well(project: TestProject) -> None:
    body = {
        "name": "signup", "url": URL, "domain": DOMAIN, "referrer": "https://bing.com/",
        "props": {"plan": "pro"}, "interactive": False,
        "revenue": {"amount": "12.50", "currency": "EUR"},
    }  # fmt: skip

    assert send(body, content_type="application/json").status_code == 202

    [event] = read_stored(project)
    assert (event["event"], event["referrer"]) == ("signup", "bing.com")
    assert event["properties"] == {
        "plan": "pro", "interactive": False, "revenue": 12.5, "currency": "EUR",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["p", "props", "m", "meta"])
def test_properties_are_an_object_or_the_text_of_one(project: TestProject, name: str) -> None:
    given = {"plan": "pro", "number": 1, "yes": True, "nested": {"a": 1}, "list": [1], "no": None}

    send_event("as an object", **{name: given})
    send_event("as a text", **{name: json.dumps(given)})

    for event in read_stored(project):
        assert event["properties"] == {"plan": "pro", "number": 1, "yes": True}


@pytest.mark.parametrize("given", ["not JSON", '["a"]', 7, [1], "{" * 5_000, '{"n":1e999}'])
def test_properties_that_are_none_are_left_out(project: TestProject, given: Any) -> None:
    assert send_event("signup", p=given).status_code == 202

    assert "properties" not in read_stored(project)[0]


@pytest.mark.parametrize(
    "revenue", [{"amount": "much", "currency": "EUR"}, {"amount": 1}, "12", {"amount": "inf"}, 7]
)
def test_revenue_that_is_none_is_left_out(project: TestProject, revenue: Any) -> None:
    assert send_event("sale", **{"$": revenue}).status_code == 202

    assert "properties" not in read_stored(project)[0]


def test_engagement_is_told_in_seconds_and_percent(project: TestProject) -> None:
    send({"n": "engagement", "sd": 24, "e": 734, "d": DOMAIN, "u": URL, "p": {"a": "b"}, "v": 36})

    [event] = read_stored(project)
    assert event["event"] == "$engagement"
    assert event["properties"] == {"a": "b", "scroll": 24, "seconds": 0.734}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        *(("/app?x=1#/cart?y=2", "/app/cart"), ("/#!/cart", "/cart"), ("/app#/", "/app/")),
        *(("/app#cart", "/app"), ("/app", "/app"), ("", "/"), ("#/a/b", "/a/b")),
    ],
)
def test_a_page_may_be_told_apart_by_what_follows_its_hash(
    project: TestProject, url: str, path: str
) -> None:
    send_event("pageview", u=f"https://shop.example{url}", h=1)

    assert read_stored(project)[0]["path"] == path


def test_what_follows_a_hash_is_no_page_otherwise(project: TestProject) -> None:
    send_event("pageview", u="https://shop.example/app#/cart", h=0)

    assert read_stored(project)[0]["path"] == "/app"


def test_of_several_domains_the_first_that_is_known_counts(
    project: TestProject, other_project: TestProject
) -> None:
    add_alias(other_project, "plausible:other.example")

    send_event("pageview", d=f"unknown.example,{DOMAIN}, other.example")

    assert (len(read_stored(project)), len(read_stored(other_project))) == (1, 0)


@pytest.mark.parametrize("domain", ["unknown.example", "", None, 7, "a," * 5_000])
def test_an_unknown_domain_is_refused_in_its_shape(project: TestProject, domain: Any) -> None:
    answer = send_event("pageview", d=domain)

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_alias")
    assert answer.json()["errors"]["event"] == [answer.json()["detail"]]
    assert read_stored(project) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        *(({"n": None}, "missing_field"), ({"u": ""}, "missing_field")),
        *(({"u": "data:text/html,x"}, "bad_url"), ({"n": "x" * 200}, "too_long")),
        ({"p": {"text": "x" * 5_000}}, "properties_too_large"),
    ],
)
def test_an_event_that_is_refused_is_told_so(
    project: TestProject, fields: dict[str, Any], code: str
) -> None:
    answer = send({**VIEW, **fields})

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["errors"] == {"event": [answer.json()["detail"]]}
    assert count_refusals(project) == {f"plausible/{code}": 1}
    assert read_stored(project) == []


def test_what_the_project_leaves_out_is_told_so(project: TestProject) -> None:
    set_rules(project, excluded_paths=["/product/*"])

    dropped, kept = send(VIEW), send_event("pageview", u="https://shop.example/")

    assert (dropped.status_code, dropped["x-plausible-dropped"]) == (202, "1")
    assert "x-plausible-dropped" not in kept
    assert [event["path"] for event in read_stored(project)] == ["/"]


def test_a_server_with_a_key_says_who_was_there(project: TestProject) -> None:
    key = {"HTTP_AUTHORIZATION": f"Bearer {project.ingest_key}"}
    visitor = {"HTTP_X_FORWARDED_FOR": "203.0.113.9, 10.0.0.1", "HTTP_USER_AGENT": BROWSER}

    send(VIEW, **key, **visitor)
    send({**VIEW, "d": "unknown.example"}, **key, HTTP_X_FORWARDED_FOR="nobody")

    stored = sorted(read_stored(project), key=lambda event: str(event["ip"]))
    assert [event["ip"].rpartition(".")[0] for event in stored] == ["198.51.100", "203.0.113"]
    assert stored[1]["userAgent"] == BROWSER
    assert not any("anonymous" in event for event in stored)


def test_a_visitor_without_a_key_is_who_he_is(project: TestProject) -> None:
    send(VIEW, HTTP_X_FORWARDED_FOR="203.0.113.9", HTTP_AUTHORIZATION="Bearer None")

    assert read_stored(project)[0]["ip"].startswith("198.51.100.")


def test_a_page_may_send_without_asking_first(project: TestProject) -> None:
    set_rules(project, allowed_origins=["https://shop.example"])

    good = send(VIEW, HTTP_ORIGIN="https://shop.example")
    bad = send(VIEW, HTTP_ORIGIN="https://evil.example")

    assert good["Access-Control-Allow-Origin"] == "https://shop.example"
    assert (bad.status_code, bad.json()["code"]) == (403, "origin_not_allowed")
    assert len(read_stored(project)) == 1
