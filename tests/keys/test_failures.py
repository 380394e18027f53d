"""Failing too often: bad API keys, and sign-ins to the admin."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from analytics.accounts import site as admin_site
from analytics.keys import failures
from analytics.keys.failures import FailureLimit, forget_failures, group_address
from people.accounts.forms import AdminSignInForm as SignInForm
from tests.conftest import Api, TestProject

EVENT = b'{"path": "/a"}'
BAD_KEY = "ak_live_23456789_" + "x" * 43
PASSWORD = "correct horse battery"

pytestmark = pytest.mark.usefixtures("unending_windows")


@pytest.fixture
def broken_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RedisConnectionError("gone")

    monkeypatch.setattr(type(cache._connections["default"]), "add", fail)  # type: ignore[attr-defined]


def send(key: str, address: str = "192.0.2.1") -> Any:
    return Api(key).post("/event", EVENT, REMOTE_ADDR=address)


@pytest.fixture
def three_an_hour(project: TestProject, settings: Settings) -> None:
    settings.AUTH_FAILURES_RATE = "3/h"


def test_bad_keys_over_the_rate_are_told_to_wait(three_an_hour: None) -> None:
    answers = [send(BAD_KEY) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert answers[3].json()["code"] == "too_many_failures"
    assert 1 <= int(answers[3]["Retry-After"]) <= 3600


def test_who_is_told_to_wait_stands_in_no_log(
    three_an_hour: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[tuple[str, dict[str, Any]]] = []

    def note(event: str, **fields: Any) -> None:
        lines.append((event, fields))

    monkeypatch.setattr(failures, "log", SimpleNamespace(warning=note))
    for _ in range(5):
        send(BAD_KEY, "192.0.2.77")

    assert [event for event, _ in lines] == ["failures_limited"]
    assert "192.0.2.77" not in str(lines)


def test_reports_and_events_share_the_count(three_an_hour: None) -> None:
    statuses = [Api(BAD_KEY).get("/stats").status_code for _ in range(2)]
    statuses += [send(BAD_KEY, "127.0.0.1").status_code for _ in range(2)]

    assert statuses == [401, 401, 401, 429]


def test_a_good_key_is_served_whatever_else_its_address_sent(
    three_an_hour: None, project: TestProject
) -> None:
    for _ in range(5):
        send(BAD_KEY)

    assert send(project.ingest_key).status_code == 202


def test_an_address_counts_for_itself_and_no_key_is_no_failure(three_an_hour: None) -> None:
    for _ in range(5):
        send(BAD_KEY)
        assert Client().post("/event", EVENT, content_type="application/json").status_code == 401

    assert send(BAD_KEY, "192.0.2.2").status_code == 401


def test_processes_share_the_count(three_an_hour: None) -> None:
    for _ in range(3):
        send(BAD_KEY)
        forget_failures()

    assert send(BAD_KEY).status_code == 429


def test_without_the_cache_each_process_counts_for_itself(
    three_an_hour: None, broken_cache: None
) -> None:
    assert [send(BAD_KEY).status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    forget_failures()
    assert send(BAD_KEY).status_code == 401


def test_an_address_over_the_rate_is_refused_without_asking_the_cache(
    three_an_hour: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        send(BAD_KEY)
    monkeypatch.setattr(failures, "get_usage", None)

    assert send(BAD_KEY).status_code == 429


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        (None, "unknown"),
    ],
)
def test_an_ipv6_address_stands_for_its_network(address: str | None, group: str) -> None:
    assert group_address(address) == group


@pytest.mark.parametrize(
    ("forwarded", "status"), [("198.51.100.1", 429), ("::ffff:198.51.100.1", 429), ("9.9.9.9", 401)]
)
def test_behind_a_proxy_the_forwarded_address_counts(
    three_an_hour: None, settings: Settings, forwarded: str, status: int
) -> None:
    settings.TRUSTED_PROXIES = 1
    extra = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "spoofed, 198.51.100.1"}
    for _ in range(3):
        Api(BAD_KEY).post("/event", EVENT, **extra)

    extra["HTTP_X_FORWARDED_FOR"] = forwarded
    assert Api(BAD_KEY).post("/event", EVENT, **extra).status_code == status


def test_a_count_ends_with_its_period(store: None, broken_cache: None) -> None:
    limit = FailureLimit("test", 1, 3_600)
    limit.count("one")
    assert limit.check("one") > 0
    failures._own.clear()
    failures._over.clear()

    assert limit.check("one") == 0


@pytest.fixture
def alice(store: None) -> Iterator[User]:
    yield User.objects.create_superuser("alice", password=PASSWORD)


def sign_in(name: str, password: str, address: str = "192.0.2.1") -> Any:
    fields = {"username": name, "password": password}
    return Client().post(reverse("admin:login"), fields, REMOTE_ADDR=address)


@pytest.mark.slow
def test_five_wrong_passwords_lock_a_name_at_its_address(alice: User) -> None:
    for _ in range(5):
        assert sign_in("alice", "wrong").status_code == 200
    answer = sign_in("Alice", PASSWORD)

    assert answer.status_code == 429
    assert b"Too many failed attempts" in answer.content
    assert 1 <= int(answer["Retry-After"]) <= 900
    assert sign_in("alice", PASSWORD, "192.0.2.2").status_code == 302


@pytest.mark.slow
def test_many_passwords_at_once_are_no_way_round_the_lock(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As greenlets take turns: each waits for the cache, for MongoDB, for the others."""
    looked_at = []

    def look(self: SignInForm) -> None:
        looked_at.append(self)
        time.sleep(0.05)
        raise ValidationError("wrong")

    monkeypatch.setattr(AdminAuthenticationForm, "clean", look)
    monkeypatch.setattr("analytics.accounts.site.WAIT_SECONDS", 60.0)
    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(lambda _: sign_in("alice", "wrong").status_code, range(20)))

    assert len(looked_at) == 5
    assert sorted(statuses) == [200] * 5 + [429] * 15


@pytest.mark.slow
def test_who_waits_too_long_for_a_turn_is_told_to_come_again(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.accounts.site.WAIT_SECONDS", 0.01)
    with admin_site._looking:
        answer = sign_in("alice", PASSWORD)

    assert answer.status_code == 429
    assert sign_in("alice", PASSWORD).status_code == 302


@pytest.mark.slow
def test_many_names_from_one_address_lock_the_address(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.accounts.site.BY_ADDRESS", FailureLimit("by address", 3, 900))
    for attempt in range(3):
        assert sign_in(f"nobody-{attempt}", "wrong").status_code == 200

    assert sign_in("alice", PASSWORD).status_code == 429


@pytest.mark.slow
def test_many_addresses_lock_a_name_for_a_while(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.accounts.site.BY_NAME", FailureLimit("by name", 3, 900))
    for last in range(3):
        assert sign_in("alice", "wrong", f"192.0.2.{last}").status_code == 200

    assert sign_in("alice", PASSWORD, "192.0.2.9").status_code == 429
    assert sign_in("bob", "wrong", "192.0.2.9").status_code == 200


@pytest.mark.slow
def test_signing_in_is_limited_without_the_cache_too(alice: User, broken_cache: None) -> None:
    for _ in range(5):
        assert sign_in("alice", "wrong").status_code == 200

    assert sign_in("alice", PASSWORD).status_code == 429
