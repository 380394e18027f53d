"""Odd questions to the admin, from someone who is signed in: an answer, and never a 5xx."""

import re
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode
from pymongo.collection import Collection
from pymongo.errors import ServerSelectionTimeoutError

from tests.conftest import TestProject

pytestmark = pytest.mark.slow

QUERIES = (
    {"q": "\x00"},
    {"q": "(((("},
    {"q": "$where"},
    {"q": "\udcff".encode("utf-8", "surrogatepass")},
    {"q": "a" * 5_000},
    {"p": "99999999999999999999"},
    {"p": "-1"},
    {"p": "x"},
    {"o": "99999999999999999999.-1.x"},
    {"o": "\x00"},
    {"all": ""},
    {"e": "1"},
    {"_popup": "1", "_to_field": "password"},
    {"_changelist_filters": "\x00"},
    {"id__exact": "\x00"},
    {"id__in": "1,2,\x00"},
    {"id__isnull": "maybe"},
    {"password__startswith": "a"},
    {"project__keys__digest__startswith": "0"},
    {"$where": "sleep(1000)"},
    {"name__regex": "((((a+)+)+)+)+$"},
    {"name[$ne]": "1"},
    {"state": "\x00"},
    {"scope": "\x00"},
    {"project": "\x00"},
    {"is_active__exact": "\x00"},
    {"__proto__": "1"},
)
IDS = (
    "",
    "%00",
    "0",
    "x",
    "None",
    "..",
    "%2e%2e",
    "a" * 500,
    "_24where",
    "ffffffffffffffff",
    "%ff",
)


@pytest.fixture
def admin(project: TestProject) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("alice", password="x"))
    return client


def changelists() -> list[str]:
    return [
        f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        for model in site._registry
    ]


def test_every_list_answers_every_query(admin: Client) -> None:
    failed = []
    for name in changelists():
        for query in QUERIES:
            answer = admin.get(f"{reverse(name)}?{urlencode(query)}")
            if answer.status_code >= 500:
                failed.append((name, query, answer.status_code))
    assert failed == []


def test_an_action_on_what_is_none_does_nothing(admin: Client) -> None:
    failed = []
    for name in changelists():
        for action in ("delete_selected", "revoke_keys", "replay", "discard"):
            fields = {"action": action, "_selected_action": ["\x00", "zz"], "index": "0"}
            if admin.post(reverse(name), fields).status_code >= 500:
                failed.append((name, action))
    assert failed == []


def test_a_user_with_an_odd_name_is_refused(admin: Client) -> None:
    fields = {"username": "[", "usable_password": "false"}

    assert admin.post(reverse("admin:auth_user_add"), fields).status_code in (200, 400)


def test_without_the_store_every_page_says_so(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ServerSelectionTimeoutError("gone")

    monkeypatch.setattr(Collection, "aggregate", fail)
    pages = [reverse(name) for name in (*changelists(), "admin:index", "admin:password_change")]
    answers = [ask(page) for page in pages for ask in (admin.get, admin.post)]
    fields = {"username": "alice", "password": "x"}
    answers += [admin.post(reverse("admin:logout")), Client().post(reverse("admin:login"), fields)]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        assert int(answer["Retry-After"]) >= 1


def test_every_object_that_is_none_is_not_there(admin: Client) -> None:
    failed = []
    for name in changelists():
        for object_id in IDS:
            for page in ("change/", "history/", "delete/", ""):
                answer = admin.get(f"{reverse(name)}{object_id}/{page}")
                if answer.status_code >= 500:
                    failed.append((name, object_id, page, answer.status_code))
    assert failed == []


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "\x00", "password": "\x00"},
        {"username": "$where", "password": "x"},
        {"username[$ne]": "x", "password[$ne]": "x"},
        {"username": "a" * 100_000, "password": "x"},
        {"username": "alice", "password": "x" * 100_000},
        {},
    ],
)
def test_signing_in_with_odd_names_fails_in_order(store: None, fields: dict[str, str]) -> None:
    answer = Client(raise_request_exception=False).post(reverse("admin:login"), fields)

    assert answer.status_code == 200
    assert b"errorlist" in answer.content or b"errornote" in answer.content


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_to_no_other_site(store: None, target: str) -> None:
    fields = {"username": "alice", "password": "correct horse battery", "next": target}
    User.objects.create_superuser("alice", password=fields["password"])
    answer = Client().post(reverse("admin:login"), fields)

    assert answer.status_code == 302
    assert re.match(r"/[a-z]", answer["Location"])


@pytest.mark.parametrize(
    "path",
    [
        *("/docs/", "/docs/?script=", "/schema/", "/schema/?format=%00&lang=%00", "/metrics"),
        *("/static/x", "/static/%00", "/admin/", "/admin/login/", "/admin/logout/", "/admin/%00/"),
        *("/admin/jsi18n/", "/admin/autocomplete/", "/admin/r/1/2/", "/admin/password_change/"),
    ],
)
def test_every_page_answers_every_method(admin: Client, path: str) -> None:
    headers = {"Accept": "text/x;q=NaN", "Accept-Language": "\x00", "Range": "bytes=9-1"}
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        for client in (admin, Client(raise_request_exception=False)):
            for given in ({}, headers):
                answer = client.generic(method, path, b"\x00\xff", headers=given)
                assert answer.status_code < 500, (method, given)


@pytest.mark.parametrize("cookie", ["x", "\x00", "a:b:c", "é", "a" * 4_000, '{"$ne":1}'])
def test_a_forged_session_is_no_session(store: None, cookie: str) -> None:
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = cookie
    client.cookies["messages"] = cookie
    client.cookies["csrftoken"] = cookie

    answer = client.get(reverse("admin:index"))

    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")
