"""Web pages of other sites: which may send events, and what their browsers are told."""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec
import pytest
from django.conf import LazySettings
from django.core.exceptions import ValidationError
from django.test import Client
from redis.exceptions import RedisError

from analytics.databases.redis_clients import stream_client
from analytics.keys import origins
from analytics.keys.authentication import authenticate
from analytics.keys.origins import is_allowed, validate_origin
from analytics.keys.records import KeyRecord
from analytics.projects.key_mirror import mirror_keys
from analytics.projects.models import Project
from analytics.remembered import forget_everything
from ingestion.server.hot_path import HotPath
from tests.conftest import Api, TestProject, make_project
from tests.pages import Page, make_public_key
from tests.service import Gunicorn

pytest_plugins = ("tests.service",)

SHOP = "https://shop.example.com"
EVIL = "https://evil.example"
EVENT = b'{"path": "/a"}'


def allow(project: TestProject, *allowed: str) -> None:
    project.row.allowed_origins = list(allowed)
    project.row.save()
    forget_everything()


@pytest.fixture
def shop(project: TestProject) -> TestProject:
    """A project whose pages are at SHOP."""
    allow(project, SHOP)
    return project


def send(key: str, origin: str | None, path: str = "/event", body: bytes = EVENT) -> Any:
    extra = {} if origin is None else {"HTTP_ORIGIN": origin}
    return Api(key).post(path, body, **extra)


def ask(origin: str, path: str = "/event", further: str = "authorization,content-type") -> Any:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": further,
    }
    return Client().options(path, headers=headers)


@pytest.mark.parametrize(
    ("path", "body"), [("/event", EVENT), ("/event/", EVENT), ("/events", b"[" + EVENT + b"]")]
)
def test_an_allowed_page_sends_events_and_reads_the_answer(
    shop: TestProject, path: str, body: bytes
) -> None:
    answer = send(shop.ingest_key, SHOP, path, body)

    assert answer.status_code == 202
    assert answer["Access-Control-Allow-Origin"] == SHOP
    assert answer["Vary"] == "Origin"
    assert "RateLimit" in answer["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize(
    "origin", [EVIL, "null", SHOP + ".evil.example", "http://shop.example.com"]
)
def test_another_page_is_refused_before_anything_is_accepted(
    shop: TestProject, origin: str
) -> None:
    answer = send(shop.ingest_key, origin)

    assert answer.status_code == 403
    assert answer.json()["code"] == "origin_not_allowed"
    assert "manage.py allow_origin" in answer.json()["detail"]
    assert "Access-Control-Allow-Origin" not in answer
    assert send(shop.ingest_key, origin, body=b"no json").status_code == 403


def test_a_server_sends_no_origin_and_needs_none(shop: TestProject) -> None:
    answer = send(shop.ingest_key, None)

    assert answer.status_code == 202
    assert not answer.has_header("Vary")


def test_without_a_list_the_origin_is_not_looked_at(project: TestProject) -> None:
    """A page of the service's own site, behind a proxy, sends an Origin as well."""
    answer = send(project.ingest_key, EVIL)

    assert answer.status_code == 202
    assert "Access-Control-Allow-Origin" not in answer


def test_an_allowed_page_reads_refusals_too(shop: TestProject) -> None:
    refused = send(shop.ingest_key, SHOP, body=b"no json")
    unknown = send("ak_live_nonsense", SHOP)

    assert (refused.status_code, unknown.status_code) == (400, 401)
    for answer in (refused, unknown):
        assert answer["Access-Control-Allow-Origin"] == SHOP


@pytest.mark.parametrize("path", ["/event", "/events", "/events/"])
def test_a_preflight_needs_no_key(shop: TestProject, path: str) -> None:
    answer = ask(SHOP, path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["Access-Control-Allow-Origin"] == SHOP
    assert answer["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert answer["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert answer["Access-Control-Max-Age"] == "7200"
    assert answer["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("asked", "further"),
    [
        (
            "authorization,baggage,content-type,sentry-trace,traceparent",
            "baggage, sentry-trace, traceparent",
        ),
        ("x-datadog-trace-id, X-B3-TraceId", "x-datadog-trace-id, x-b3-traceid"),
        ("a,a,A, ,", "a"),
        ('good,b ad,"bad",b\xe4d,ba:d,*', "good, *"),
        (",".join(f"x-{n}" for n in range(1_000)), ", ".join(f"x-{n}" for n in range(50))),
        ("x" * 101, ""),
        ("", ""),
    ],
)
def test_a_page_may_send_whatever_headers_its_agents_add(
    shop: TestProject, asked: str, further: str
) -> None:
    answer = ask(SHOP, further=asked)

    expected = "Authorization, Content-Type" + (f", {further}" if further else "")
    assert answer["Access-Control-Allow-Headers"] == expected
    assert "Access-Control-Allow-Headers" not in ask(EVIL, further=asked)


@pytest.mark.parametrize(
    "origin", ["capacitor://localhost", "ionic://localhost", "http://[::1]:3000"]
)
def test_pages_inside_an_app_and_at_an_ipv6_address_send_events(
    project: TestProject, origin: str
) -> None:
    allow(project, origin)

    assert send(project.ingest_key, origin)["Access-Control-Allow-Origin"] == origin
    assert ask(origin)["Access-Control-Allow-Origin"] == origin
    assert send(project.ingest_key, origin + "0").status_code == 403


def test_a_preflight_of_a_page_that_no_project_allows_is_told_nothing(shop: TestProject) -> None:
    answer = ask(EVIL)

    assert answer.status_code == 204
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_a_page_that_another_project_allows_passes_the_preflight_only(shop: TestProject) -> None:
    other = make_project("Other", allowed_origins=["https://other.example"])
    forget_everything()

    assert ask("https://other.example")["Access-Control-Allow-Origin"] == "https://other.example"
    assert send(shop.ingest_key, "https://other.example").status_code == 403
    assert send(other.ingest_key, "https://other.example").status_code == 202


def test_an_origin_taken_off_the_list_is_refused_again(shop: TestProject) -> None:
    allow(shop, "https://www.example.com")

    assert send(shop.ingest_key, SHOP).status_code == 403
    assert "Access-Control-Allow-Origin" not in ask(SHOP)


def test_the_mirror_is_restored_with_its_origins(shop: TestProject) -> None:
    stream_client().flushall()
    mirror_keys()
    forget_everything()

    assert "Access-Control-Allow-Origin" in ask(SHOP)
    assert send(shop.ingest_key, SHOP).status_code == 202


def test_without_redis_a_preflight_is_answered_from_what_was_known(
    shop: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RedisError("gone")

    assert "Access-Control-Allow-Origin" in ask(SHOP)
    monkeypatch.setattr(origins._all_origins, "seconds", 0)
    monkeypatch.setattr("redis.Redis.get", fail)

    assert "Access-Control-Allow-Origin" in ask(SHOP)


def test_a_record_that_was_mirrored_before_origins_existed_is_read(project: TestProject) -> None:
    record = authenticate(f"Bearer {project.ingest_key}")
    old = msgspec.json.decode(msgspec.json.encode(record))
    del old["allowed_origins"]

    assert msgspec.json.decode(msgspec.json.encode(old), type=KeyRecord) == record


@pytest.mark.parametrize(
    ("origin", "allowed", "expected"),
    [
        (SHOP, {SHOP}, True),
        (SHOP, {"*"}, True),
        ("null", {"*"}, True),
        ("null", {"null"}, True),
        ("null", {SHOP}, False),
        (SHOP, {"https://*.example.com"}, True),
        ("https://a.b.example.com", {"https://*.example.com"}, True),
        ("https://example.com", {"https://*.example.com"}, False),
        ("https://evilexample.com", {"https://*.example.com"}, False),
        ("http://shop.example.com", {"https://*.example.com"}, False),
        (SHOP + ":8443", {"https://*.example.com"}, False),
        (SHOP + ":8443", {"https://*.example.com:8443"}, True),
        ("https://evil.test,https://a.example.com", {"https://*.example.com"}, False),
        ("https://evil.test/.example.com", {"https://*.example.com"}, False),
        ("https://evil.test:1.example.com", {"https://*.example.com"}, False),
        ("https://.example.com", {"https://*.example.com"}, False),
        ("https://A.example.com", {"https://*.example.com"}, False),
        ("HTTPS://SHOP.EXAMPLE.COM", {SHOP}, False),
        ("", {SHOP}, False),
        (SHOP, set(), False),
    ],
)
def test_an_origin_is_compared_as_the_browser_writes_it(
    origin: str, allowed: set[str], expected: bool
) -> None:
    assert is_allowed(origin, allowed) is expected


@pytest.mark.parametrize(
    "text",
    [
        *("https://example.com/", "https://example.com/path", "example.com", "HTTPS://EXAMPLE.COM"),
        *(
            "https://example.com:443",
            "http://example.com:80",
            "Null",
            "https://*",
            "https://a*.com",
        ),
        *("https://*.*.com", "ftp://example.com", "https://", "https://example.com:port", ""),
        *("capacitor://*.localhost", "capacitor://", "Capacitor://localhost", "1a://localhost"),
        *("file://localhost", "data://x", "javascript://x", "ws://localhost", "//localhost"),
        *("http://[::1", "http://::1", "http://[0:0:0:0:0:0:0:1]", "http://[::1%25eth0]"),
        *("http://[::G]", "http://*.[::1]", "http://[::1]:80", "http://[1.2.3.4]"),
        *("https://user@example.com", "https://exämple.com", "https://example.com\n"),
    ],
)
def test_what_no_browser_sends_is_no_origin(text: str) -> None:
    with pytest.raises(ValidationError):
        validate_origin(text)


@pytest.mark.parametrize(
    "text",
    [
        *("*", "null", "https://example.com", "https://*.example.com", "http://localhost:3000"),
        *(
            "capacitor://localhost",
            "ionic://localhost",
            "http://[::1]:3000",
            "https://[2001:db8::1]",
        ),
        *("tauri://localhost", "app://com.example.app", "chrome-extension://abcdefghijklmnop"),
        *("moz-extension://3c078156-979c-498b-8990-85f7987dd929", "http://my_host:8080"),
        *("https://xn--exmple-cua.com", "http://127.0.0.1", "https://example.com:8443"),
    ],
)
def test_an_origin_is_accepted(store: None, text: str) -> None:
    validate_origin(text)
    Project(name="x", allowed_origins=[text], partition=0).full_clean()


# --- Public keys ---------------------------------------------------------------------------------


def test_without_a_list_no_page_sends_by_a_public_key_and_is_told_what_to_do(
    project: TestProject,
) -> None:
    page = Page(make_public_key(project))

    answer = page.send(EVENT, HTTP_ORIGIN=SHOP)

    assert answer.status_code == 403
    problem = answer.json()
    assert problem["code"] == "origin_not_allowed"
    assert "manage.py allow_origin" in problem["detail"]
    assert page.send(EVENT).status_code == 202  # an app has no origin


@pytest.mark.parametrize(
    ("allowed", "origin", "status"),
    [
        ((SHOP,), SHOP, 202),
        ((SHOP,), EVIL, 403),
        ((SHOP,), "null", 403),
        ((SHOP, "null"), "null", 202),
        (("*",), "null", 202),
        (("*",), EVIL, 202),
        (("https://*.example.com",), SHOP, 202),
    ],
)
def test_a_page_sends_by_a_public_key_if_it_is_on_the_list(
    project: TestProject, allowed: tuple[str, ...], origin: str, status: int
) -> None:
    allow(project, *allowed)

    answer = Page(make_public_key(project)).send(EVENT, HTTP_ORIGIN=origin)

    assert answer.status_code == status
    assert answer.get("Access-Control-Allow-Origin") == (origin if status == 202 else None)


def test_every_answer_of_the_doors_can_be_read_by_an_allowed_page(
    shop: TestProject, settings: LazySettings
) -> None:
    settings.PUBLIC_RATE = "2/h"
    key = make_public_key(shop)
    page = Page(key, Origin=SHOP)
    answers = {
        202: page.send(EVENT),
        400: page.send(b"no json"),
        401: Page("pk_live_nonsense", Origin=SHOP).send(EVENT),
        403: Api(shop.read_key).post("/event", EVENT, HTTP_ORIGIN=SHOP),
        413: page.send(b" " * 70_000),
        415: page.send(EVENT, content_type="application/xml"),
        429: page.send_many([{"path": "/a"}] * 4),
    }
    settings.STREAM_MAX_EVENTS = 1
    forget_everything()
    answers[503] = page.send(EVENT)

    assert {status: answer.status_code for status, answer in answers.items()} == {
        status: status for status in answers
    }
    for answer in answers.values():
        assert answer["Access-Control-Allow-Origin"] == SHOP
        assert "Retry-After" in answer["Access-Control-Expose-Headers"]
        assert answer["Vary"] == "Origin"


def no_django(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    raise AssertionError("this path is hot")


def test_what_is_refused_before_any_view_can_be_read_as_well(
    shop: TestProject, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/event", "wsgi.url_scheme": "http"}
    settings.SECURE_SSL_REDIRECT = True
    _, over_http, headers = HotPath(no_django).answer({**environ, "HTTP_ORIGIN": SHOP})
    settings.SECURE_SSL_REDIRECT = False
    monkeypatch.setattr("ingestion.accept.views.authenticate_sender", lambda meta: 1 / 0)
    _, broken, more_headers = HotPath(no_django).answer({**environ, "HTTP_ORIGIN": SHOP})

    assert (over_http.status_code, broken.status_code) == (403, 500)
    for sent in (headers, more_headers):
        assert dict(sent)["Access-Control-Allow-Origin"] == SHOP


@pytest.mark.parametrize("path", ["/users/u", "/erasures/e", "/stats"])
def test_what_is_no_ones_page_business_stays_closed_to_pages(shop: TestProject, path: str) -> None:
    answers = [
        ask(SHOP, path),
        Client().get(path, headers={"Origin": SHOP, "Authorization": f"Bearer {shop.admin_key}"}),
    ]

    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


@pytest.mark.slow
def test_gunicorn_answers_a_page_as_django_does(gunicorn: Gunicorn, served: TestProject) -> None:
    allow(served, SHOP)
    headers = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}

    preflight = gunicorn.request("OPTIONS", "/event", headers=headers)
    answer = gunicorn.request("POST", "/event", EVENT, {"Origin": SHOP}, key=served.ingest_key)
    refused = gunicorn.request("POST", "/event", EVENT, {"Origin": EVIL}, key=served.ingest_key)

    assert (preflight.status, answer.status, refused.status) == (204, 202, 403)
    assert preflight.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert refused.code == "origin_not_allowed"
