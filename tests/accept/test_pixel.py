"""GET /pixel.gif: a view of what runs no script, and a picture whatever happens."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import LazySettings
from django.test import Client

from analytics.databases.mongo import EVENTS, Document, collection
from analytics.projects.models import ApiKey
from ingestion.drain.loop import drain
from ingestion.pages.pixel import PICTURE
from ingestion.server.hot_path import HotPath
from tests.accept.test_post_event import read_entries
from tests.conftest import TestProject
from tests.pages import ADDRESS, BROWSER, make_public_key, set_rules
from tests.receivers.vendor import count_refusals
from tests.service import Gunicorn

pytest_plugins = ("tests.service",)

LETTER_PROXY = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
)


@pytest.fixture
def key(project: TestProject) -> ApiKey:
    return make_public_key(project)


def look(key: ApiKey | str, agent: str = BROWSER, **parameters: str) -> Any:
    """The pixel, as a browser asks for it; `referer` is a header."""
    headers = {"user-agent": agent}
    if "referer" in parameters:
        headers["referer"] = parameters.pop("referer")
    text = key if isinstance(key, str) else key.text
    query = urlencode({"key": text, **parameters})
    return Client(REMOTE_ADDR=ADDRESS, headers=headers).get(f"/pixel.gif?{query}")


def read_stored() -> Document:
    drain(0)
    [event] = collection(EVENTS).find({})
    return event


def is_picture(answer: Any) -> bool:
    headers = (answer["Content-Type"], answer["Cache-Control"])
    found = (answer.status_code, answer.content, headers)
    return found == (200, PICTURE, ("image/gif", "no-store"))


def test_a_pixel_is_a_view(key: ApiKey) -> None:
    answer = look(
        key,
        url="https://shop.example/a?utm_source=letter",
        referrer="https://news.example/",
        title="Über uns",
        rnd="0.123",
    )

    assert is_picture(answer)
    assert len(answer.content) == 43
    assert answer["X-Analytics"] == "queued"
    event = read_stored()
    assert (event["event"], event["path"], event["hostname"]) == ("pageview", "/a", "shop.example")
    assert (event["title"], event["utmSource"]) == ("Über uns", "letter")
    assert event["source"] == "letter"
    assert event["browser"] == "Firefox"
    assert "bot" not in event


def test_a_path_does_and_where_there_is_neither_the_page_that_shows_it(key: ApiKey) -> None:
    assert look(key, path="/letters/7")["X-Analytics"] == "queued"
    assert read_stored()["path"] == "/letters/7"
    collection(EVENTS).delete_many({})

    assert look(key, referer="https://shop.example/b")["X-Analytics"] == "queued"
    event = read_stored()
    assert (event["path"], event["hostname"]) == ("/b", "shop.example")


def test_what_fetches_the_pictures_of_a_letter_is_no_bot(key: ApiKey) -> None:
    look(key, LETTER_PROXY, path="/letters/7")

    event = read_stored()
    assert "bot" not in event
    assert "browser" not in event


def test_a_crawler_is_one_here_as_well(key: ApiKey) -> None:
    look(key, "Mozilla/5.0 (compatible; Googlebot/2.1)", path="/a")

    assert read_stored()["bot"] == "Googlebot"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "missing_field"),
        ({"url": "x" * 8_193}, "too_long"),
        ({"path": "x" * 2_048}, "too_long"),
    ],
)
def test_what_is_refused_is_a_picture_too_and_counted(
    project: TestProject, key: ApiKey, parameters: dict[str, str], code: str
) -> None:
    answer = look(key, **parameters)

    assert is_picture(answer)
    assert answer["X-Analytics"] == code
    assert count_refusals(project) == {code: 1}
    assert read_entries() == []


def test_an_address_with_very_many_parameters_is_refused_and_no_fault(
    project: TestProject, key: ApiKey
) -> None:
    answer = look(key, path="/a", **{f"p{n}": "1" for n in range(200)})

    assert is_picture(answer)
    assert answer["X-Analytics"] == "bad_envelope"
    assert count_refusals(project) == {"bad_envelope": 1}


def test_a_bad_key_is_a_picture(project: TestProject) -> None:
    for text, code in [
        ("", "invalid_key"),
        ("pk_live_22222222_" + "x" * 43, "invalid_key"),
        (project.ingest_key, "key_in_address"),
    ]:
        answer = look(text, path="/a")
        assert is_picture(answer)
        assert answer["X-Analytics"] == code
    assert Client().get("/pixel.gif")["X-Analytics"] == "missing_key"


def test_what_the_project_leaves_out_is_a_picture(project: TestProject, key: ApiKey) -> None:
    set_rules(project, excluded_addresses=[ADDRESS])

    answer = look(key, path="/a")

    assert is_picture(answer)
    assert answer["X-Analytics"] == "excluded"
    assert count_refusals(project) == {"excluded": 1}
    assert read_entries() == []


def test_a_picture_of_a_strangers_page_is_shown_and_not_counted(
    project: TestProject, key: ApiKey
) -> None:
    """A page may ask for it with its origin (`crossorigin`)."""
    headers = {"origin": "https://other.example"}
    answer = Client(headers=headers).get(f"/pixel.gif?key={key.text}&path=/a")

    assert is_picture(answer)
    assert answer["X-Analytics"] == "origin_not_allowed"
    assert count_refusals(project) == {"origin_not_allowed": 1}


def test_a_rate_and_a_redis_that_does_not_answer_are_pictures(
    project: TestProject, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLIC_RATE = "1/h"
    key = make_public_key(project)
    assert [look(key, path="/a")["X-Analytics"] for _ in range(3)] == [
        "queued", "queued", "over_address_rate",
    ]  # fmt: skip

    def fail(*_: object) -> None:
        raise RuntimeError("of a test")

    monkeypatch.setattr("ingestion.pages.pixel.read_view", fail)
    answer = look(key, path="/a")
    assert is_picture(answer)
    assert answer["X-Analytics"] == "internal_error"


def test_who_asks_not_to_be_followed_is_not(project: TestProject, key: ApiKey) -> None:
    set_rules(project, honours_do_not_track=True)
    headers = {"user-agent": BROWSER, "sec-gpc": "1"}
    Client(headers=headers).get(f"/pixel.gif?key={key.text}&path=/a")

    assert "visitor" not in read_stored()


def test_another_method_is_refused(key: ApiKey) -> None:
    for text in (key.text, "none"):
        answer = Client().post(f"/pixel.gif?key={text}")
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer["Allow"] == "GET, HEAD, OPTIONS"


def test_it_reaches_only_the_project_of_its_key(
    project: TestProject, other_project: TestProject
) -> None:
    look(make_public_key(other_project), path="/a")

    assert read_stored()["project"] == other_project.id


def test_the_picture_of_a_service_for_https_is_shown_over_http(
    key: ApiKey, settings: LazySettings
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/pixel.gif", "wsgi.url_scheme": "http",
        "QUERY_STRING": f"key={key.text}&path=/a", "REMOTE_ADDR": ADDRESS,
    }  # fmt: skip

    status_line, response, headers = HotPath(lambda *_: []).answer(environ)

    assert (status_line, response.content) == ("200 OK", PICTURE)
    assert dict(headers)["X-Analytics"] == "https_required"


@pytest.mark.usefixtures("store")
def test_gunicorn_answers_with_the_picture(gunicorn: Gunicorn) -> None:
    answer = gunicorn.request("GET", "/pixel.gif?key=pk_live_x&url=%2Fa")

    assert (answer.status, answer.body) == (200, PICTURE)
    assert answer.headers["x-analytics"] == "invalid_key"
    assert gunicorn.request("HEAD", "/pixel.gif").status == 200


def test_who_looks_for_dead_links_is_not_counted(key: ApiKey) -> None:
    answer = Client().head(f"/pixel.gif?key={key.text}&path=/a")

    assert (answer.status_code, answer["X-Analytics"]) == (200, "ignored")
    assert read_entries() == []
