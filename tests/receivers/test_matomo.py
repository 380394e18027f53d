"""Matomo's scripts and clients: what they send becomes, and what they are answered."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.conftest import TestProject
from tests.pages import ADDRESS, BROWSER, set_rules
from tests.receivers.vendor import add_alias, count_refusals, post, read_stored

URL = "https://shop.example/product/42?utm_source=mail"
VIEW = {
    "idsite": "1", "rec": "1", "url": URL, "action_name": "Product 42", "_id": "0123456789abcdef",
    "urlref": "https://www.google.com/", "res": "1920x1080", "lang": "pt-br",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _alias(project: TestProject) -> None:
    add_alias(project, "matomo:1")


def get(fields: dict[str, str], path: str = "/matomo.php", **headers: Any) -> Any:
    headers = {"REMOTE_ADDR": ADDRESS, "HTTP_USER_AGENT": BROWSER, **headers}
    return Client().get(f"{path}?{urlencode(fields)}", **headers)


def send(*requests: Any, **body: Any) -> Any:
    texts = [f"?{urlencode(one)}" if isinstance(one, dict) else one for one in requests]
    return post("/matomo.php", {"requests": texts, **body})


@pytest.mark.parametrize("how", ["get", "piwik", "in the address of a POST", "form", "bulk"])
def test_a_view_is_stored_in_our_words(project: TestProject, how: str) -> None:
    query = urlencode(VIEW)
    answer = {
        "get": lambda: get(VIEW),
        "piwik": lambda: get(VIEW, "/piwik.php"),
        "in the address of a POST": lambda: post(f"/matomo.php?{query}", b""),
        "form": lambda: post("/matomo.php", query.encode(), content_type="text/plain"),
        "bulk": lambda: send(VIEW),
    }[how]()

    assert answer.status_code == 200
    if how == "bulk":
        told = {"status": "success", "tracked": 1, "invalid": 0, "invalid_indices": []}
        assert answer.json() == told
    else:
        assert (answer["Content-Type"], len(answer.content)) == ("image/gif", 43)
    [event] = read_stored(project)
    assert (event["event"], event["path"], event["hostname"]) == (
        "pageview", "/product/42", "shop.example",
    )  # fmt: skip
    assert (event["utmSource"], event["referrer"]) == ("mail", "google.com")
    assert (event["title"], event["language"], event["screen"]) == (
        "Product 42", "pt-br", "1920x1080",
    )  # fmt: skip
    assert event["userId"] == "0123456789abcdef"


def test_who_wants_no_picture_gets_none(project: TestProject) -> None:
    answer = get({**VIEW, "send_image": "0"})

    assert (answer.status_code, answer.content) == (204, b"")
    assert len(read_stored(project)) == 1


def test_what_comes_along_with_a_get_does_not_fail_what_was_kept(project: TestProject) -> None:
    answer = get(VIEW, HTTP_CONTENT_ENCODING="unheard-of")

    assert (answer.status_code, len(answer.content)) == (200, 43)
    assert len(read_stored(project)) == 1


@pytest.mark.parametrize(
    ("fields", "name", "properties"),
    [
        (
            {"e_c": "shop", "e_a": "buy", "e_n": "book", "e_v": "1.5"}, "buy",
            {"category": "shop", "name": "book", "value": 1.5},
        ),
        ({"e_c": "shop", "e_v": "much"}, "shop", {"category": "shop"}),
        ({"link": "https://x.example/"}, "$link", {"url": "https://x.example/"}),
        ({"download": "https://x.example/a.zip"}, "$download", {"url": "https://x.example/a.zip"}),
        ({"search": "book", "search_count": "3"}, "search", {"keyword": "book", "count": 3}),
        (
            {"idgoal": "0", "ec_id": "7", "revenue": "12.5"}, "order",
            {"goal": "0", "order": "7", "revenue": 12.5},
        ),
        ({"idgoal": "2"}, "goal", {"goal": "2"}),
        ({"c_n": "banner", "c_i": "click"}, "content", {"name": "banner", "interaction": "click"}),
        ({"ping": "1"}, "$ping", None),
        ({"dimension1": "pro", "dimensions": "x"}, "pageview", {"dimension1": "pro"}),
        ({"_cvar": '{"1":["plan","pro"],"2":["a"]}'}, "pageview", {"plan": "pro"}),
        ({"cvar": "[" * 5_000}, "pageview", None),
    ],
)  # fmt: skip
def test_what_is_told_tells_what_happened(
    project: TestProject, fields: dict[str, str], name: str, properties: Any
) -> None:
    assert get({**VIEW, **fields}).status_code == 200

    [event] = read_stored(project)
    assert (event["event"], event.get("properties")) == (name, properties)


@pytest.mark.parametrize("how", ["seconds", "text", "ago"])
def test_a_moment_is_told_in_three_ways(project: TestProject, how: str) -> None:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    told = {
        "seconds": {"cdt": str(int(at.timestamp()))},
        "text": {"cdt": f"{at:%Y-%m-%d %H:%M:%S}"},
        "ago": {"cdo": str(2 * 3600)},
    }[how]

    get({**VIEW, **told})

    assert abs(read_stored(project)[0]["timestamp"] - at) < timedelta(minutes=1)


def test_of_a_bulk_the_good_ones_are_taken(
    project: TestProject, other_project: TestProject
) -> None:
    add_alias(other_project, "matomo:2")
    bad = [{**VIEW, "e_c": "x" * 200}, {**VIEW, "idsite": "2"}, {"idsite": "1"}, 7, "?idsite=%ff"]

    answer = send(VIEW, *bad)

    told = {"status": "success", "tracked": 1, "invalid": 5, "invalid_indices": [1, 2, 3, 4, 5]}
    assert answer.json() == told
    assert (len(read_stored(project)), len(read_stored(other_project))) == (1, 0)
    assert count_refusals(project) == {
        "matomo/too_long": 1, "matomo/other_site": 2, "matomo/missing_field": 1,
        "matomo/wrong_type": 1,
    }  # fmt: skip


def test_a_token_that_is_a_key_says_who_was_there(project: TestProject) -> None:
    visitor = {**VIEW, "idsite": "99", "cip": "203.0.113.9", "ua": "Mozilla/5.0 (X11)"}

    send(visitor, token_auth=project.ingest_key)
    send({**visitor, "idsite": "1"}, token_auth="a" * 32)

    by_secret, by_alias = sorted(read_stored(project), key=lambda one: "anonymous" in one)
    assert by_secret["ip"].startswith("203.0.113.")
    assert by_secret["userAgent"] == "Mozilla/5.0 (X11)"
    assert by_alias["ip"].startswith("198.51.100.")


@pytest.mark.parametrize("site", ["2", "", "one", "-1", "9" * 40])
def test_an_unknown_site_is_refused(project: TestProject, site: str) -> None:
    assert get({**VIEW, "idsite": site}).json()["code"] == "unknown_alias"
    assert send({**VIEW, "idsite": site}).json()["code"] == "unknown_alias"
    assert read_stored(project) == []


def test_a_request_that_records_nothing_is_refused(project: TestProject) -> None:
    assert get({**VIEW, "rec": "0"}).json()["code"] == "missing_field"
    assert get({}).json()["code"] == "bad_envelope"


def test_a_secret_key_in_the_address_is_refused(project: TestProject) -> None:
    answer = get({**VIEW, "token_auth": project.ingest_key})

    assert (answer.status_code, answer.json()["code"]) == (401, "key_in_address")
    assert read_stored(project) == []


def test_a_page_reads_what_it_is_answered(project: TestProject) -> None:
    set_rules(project, allowed_origins=["https://shop.example"])
    body = json.dumps({"requests": [f"?{urlencode(VIEW)}"]}).encode()

    answer = post("/matomo.php", body, HTTP_ORIGIN="https://shop.example")
    refused = get(VIEW, HTTP_ORIGIN="https://evil.example")

    assert answer["Access-Control-Allow-Origin"] == "https://shop.example"
    assert refused.json()["code"] == "origin_not_allowed"


def test_a_number_beyond_all_sinks_its_own_request_alone(project: TestProject) -> None:
    body = b'{"requests":["?idsite=1&rec=1&url=https://a.example/",{"idsite":1,"rec":1e400}]}'

    answer = post("/matomo.php", body)

    assert (answer.json()["tracked"], answer.json()["invalid_indices"]) == (1, [1])
    assert count_refusals(project) == {"matomo/number_out_of_range": 1}
    assert len(read_stored(project)) == 1
