"""Umami's tracker and clients: what they send becomes, and what they are answered."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.conftest import TestProject
from tests.pages import set_rules
from tests.receivers.vendor import add_alias, count_refusals, post, read_stored

WEBSITE = "7e3c1b9a-52d4-4c0f-9a31-0d5c8f6b2e17"
OTHER = "0d5c8f6b-52d4-4c0f-9a31-7e3c1b9a2e17"
VIEW = {
    "website": WEBSITE, "hostname": "shop.example", "url": "/product/42?utm_source=mail",
    "referrer": "https://www.google.com/", "title": "Product 42", "language": "pt-BR",
    "screen": "1920x1080",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _alias(project: TestProject) -> None:
    add_alias(project, f"umami:{WEBSITE}")


def event(type_: str = "event", **payload: Any) -> dict[str, Any]:
    return {"type": type_, "payload": {**VIEW, **payload}}


def send(*events: Any, **headers: Any) -> Any:
    if len(events) == 1:
        return post("/api/send", events[0], **headers)
    return post("/api/batch", list(events), **headers)


@pytest.mark.parametrize("path", ["/api/send", "/api/send/"])
def test_a_view_is_stored_in_our_words(project: TestProject, path: str) -> None:
    answer = post(path, event(tag="a", data={"plan": "pro"}), HTTP_AUTHORIZATION="Bearer None")

    assert answer.status_code == 200
    assert answer.json().keys() == {"cache", "sessionId", "visitId"}
    assert UUID(answer.json()["sessionId"]) != UUID(answer.json()["visitId"])
    [stored] = read_stored(project)
    assert (stored["event"], stored["path"], stored["hostname"]) == (
        "pageview", "/product/42", "shop.example",
    )  # fmt: skip
    assert (stored["utmSource"], stored["referrer"]) == ("mail", "google.com")
    assert (stored["title"], stored["language"], stored["screen"]) == (
        "Product 42", "pt-BR", "1920x1080",
    )  # fmt: skip
    assert stored["properties"] == {"plan": "pro", "tag": "a"}
    assert "sessionId" not in stored


def test_a_named_event_has_its_name_and_its_person(project: TestProject) -> None:
    send(event(name="signup", id="user-1", data={"plan": "pro"}))

    [stored] = read_stored(project)
    assert (stored["event"], stored["userId"]) == ("signup", "user-1")
    assert stored["properties"] == {"plan": "pro"}


def test_what_is_no_view_has_a_reserved_name(project: TestProject) -> None:
    send(
        event("identify", id="user-1", data={"email": "user@shop.example"}),
        event("performance", lcp=1200.5, cls=0.01),
        event("engagement", engagement=2_500),
    )

    found = {stored["event"]: stored.get("properties") for stored in read_stored(project)}
    assert found == {
        "$identify": {"email": "user@shop.example"},
        "$vitals": {"lcp": 1200.5, "cls": 0.01},
        "$engagement": {"seconds": 2.5},
    }


def test_an_event_without_a_page_has_a_path_of_its_own(project: TestProject) -> None:
    send({"type": "event", "payload": {"website": WEBSITE, "name": "signup"}})

    assert read_stored(project)[0]["path"] == "/_event/signup"


def test_a_moment_is_told_in_seconds(project: TestProject) -> None:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)

    send(event(timestamp=int(at.timestamp())), event(timestamp=str(int(at.timestamp()))))

    assert [stored["timestamp"] for stored in read_stored(project)] == [at, at]


@pytest.mark.parametrize("moment", ["yesterday", 1e300, [], -1])
def test_a_moment_that_is_none_is_refused(project: TestProject, moment: Any) -> None:
    answer = send(event(timestamp=moment))

    assert answer.status_code in (200, 400)
    assert (answer.status_code == 200) == (moment == [])


def test_a_session_goes_on_with_the_token_it_was_given(project: TestProject) -> None:
    first = send(event()).json()
    second = send(event(), HTTP_X_UMAMI_CACHE=first["cache"]).json()
    batch = send(event(), event(), HTTP_X_UMAMI_CACHE=first["cache"]).json()

    assert second == first
    assert batch["cache"] == first["cache"]
    assert send(event()).json()["sessionId"] != first["sessionId"]


@pytest.mark.parametrize("change", ["another website", "damaged", "nonsense", "latin"])
def test_a_token_of_elsewhere_is_none(project: TestProject, change: str) -> None:
    add_alias(project, f"umami:{OTHER}")
    first = send(event()).json()
    token = {"damaged": f"x{first['cache']}", "nonsense": "a.b.c", "latin": "a.b.\xe9"}.get(
        change, first["cache"]
    )
    website = OTHER if change == "another website" else WEBSITE

    second = send(event(website=website), HTTP_X_UMAMI_CACHE=token).json()

    assert second["sessionId"] != first["sessionId"]
    assert len(read_stored(project)) == 2


def test_a_batch_tells_how_many_were_taken_and_why_not_all(project: TestProject) -> None:
    answer = send(event(name="good"), event(name="x" * 200), event("nonsense"), 7, event())

    assert answer.status_code == 200
    told = answer.json()
    assert (told["size"], told["processed"], told["errors"]) == (5, 2, 3)
    assert [one["index"] for one in told["details"]] == [1, 2, 3]
    assert all(one["response"]["error"]["message"] for one in told["details"])
    assert {stored["event"] for stored in read_stored(project)} == {"good", "pageview"}
    assert count_refusals(project) == {
        "umami/too_long": 1, "umami/unknown_type": 1, "umami/wrong_type": 1,
    }  # fmt: skip


@pytest.mark.parametrize("own_first", [True, False])
def test_events_of_another_projects_website_reach_nobody_by_this_one(
    project: TestProject, other_project: TestProject, own_first: bool
) -> None:
    add_alias(other_project, f"umami:{OTHER}")
    events = [event(name="mine"), event(name="theirs", website=OTHER)]

    answer = send(*(events if own_first else reversed(events)))

    assert answer.json()["errors"] == 1
    found = [stored["event"] for stored in (*read_stored(project), *read_stored(other_project))]
    assert found == (["mine"] if own_first else ["theirs"])


def test_an_unknown_website_before_a_known_one_takes_nothing_along(project: TestProject) -> None:
    answer = send(event(name="unknown", website=OTHER), event(name="mine"))

    assert answer.json()["errors"] == 1
    assert [stored["event"] for stored in read_stored(project)] == ["mine"]


def test_several_websites_of_one_project_come_together(project: TestProject) -> None:
    add_alias(project, f"umami:{OTHER}")

    assert send(event(), event(website=OTHER)).json()["processed"] == 2


@pytest.mark.parametrize("website", [OTHER, "", None, 7, "not a UUID"])
def test_an_unknown_website_is_refused_in_its_shape(project: TestProject, website: Any) -> None:
    answer = send(event(website=website))

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_alias")
    assert answer.json()["error"]["message"] == answer.json()["detail"]
    assert read_stored(project) == []


@pytest.mark.parametrize("body", [b"", b" ", b"[]", b"7"])
def test_what_is_not_one_event_is_no_request(project: TestProject, body: bytes) -> None:
    key: Any = {"HTTP_AUTHORIZATION": f"Bearer {project.ingest_key}"}
    two = json.dumps(event()).encode() + b"," + json.dumps(event()).encode()

    assert post("/api/send", body, **key).status_code == 400
    assert post("/api/send", two, **key).status_code == 400
    assert read_stored(project) == []


def test_many_unknown_websites_are_not_looked_up_one_by_one(
    project: TestProject,
) -> None:
    websites = [f"{number:08}-52d4-4c0f-9a31-0d5c8f6b2e17" for number in range(500)]

    answer = send(*(event(website=website) for website in websites), event())

    assert answer.status_code == 400


def test_a_server_with_a_key_says_who_was_there(project: TestProject) -> None:
    told = {"ip": "203.0.113.9", "userAgent": "Mozilla/5.0 (X11)", "website": OTHER}
    key = {"HTTP_AUTHORIZATION": f"Bearer {project.ingest_key}"}

    assert send(event(**told), **key).status_code == 200
    assert send(event(**{**told, "website": WEBSITE})).status_code == 200

    by_secret, by_alias = sorted(read_stored(project), key=lambda one: "anonymous" in one)
    assert by_secret["ip"].startswith("203.0.113.")
    assert by_secret["userAgent"] == "Mozilla/5.0 (X11)"
    assert by_alias["ip"].startswith("198.51.100.")
    assert count_refusals(project) == {"ignored_field": 2}


def test_a_page_of_an_allowed_origin_may_send(project: TestProject) -> None:
    set_rules(project, allowed_origins=["https://shop.example"])

    good = send(event(), HTTP_ORIGIN="https://shop.example")
    bad = send(event(), HTTP_ORIGIN="https://evil.example")

    assert good["Access-Control-Allow-Origin"] == "https://shop.example"
    assert (bad.status_code, bad.json()["code"]) == (403, "origin_not_allowed")
    assert len(read_stored(project)) == 1
