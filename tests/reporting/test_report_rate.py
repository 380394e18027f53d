"""How often a key may ask for reports."""

from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from analytics.keys.rates import parse_rate
from tests.conftest import Api, TestProject


@pytest.mark.usefixtures("unending_windows")
def test_a_key_over_its_rate_is_refused_and_told_when_to_come_again(
    project: TestProject, other_project: TestProject, read: Api, settings: Settings
) -> None:
    settings.REPORTING_RATE = "2/h"

    answers = [read.get("/stats"), read.get("/stats/realtime"), read.get("/stats")]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["code"] == "rate_limited"
    assert 1 <= int(answers[2]["Retry-After"]) <= 3600
    assert [answer["RateLimit-Policy"] for answer in answers] == ['"reporting";q=2;w=3600'] * 3
    left = [answer["RateLimit"].split(";")[1] for answer in answers]
    assert left == ["r=1", "r=0", "r=0"]
    assert Api(project.admin_key).get("/stats").status_code == 200
    assert Api(other_project.read_key).get("/stats").status_code == 200


@pytest.mark.usefixtures("unending_windows")
def test_a_wrong_query_counts_and_a_wrong_key_does_not(
    project: TestProject, read: Api, settings: Settings
) -> None:
    settings.REPORTING_RATE = "2/h"

    for _ in range(3):
        assert Api("ak_live_nonsense").get("/stats").status_code == 401
        assert Api(project.ingest_key).get("/stats").status_code == 403
    assert read.get("/stats?limit=0")["RateLimit"].startswith('"reporting";r=1;')
    assert read.get("/stats").status_code == 200
    assert read.get("/stats").status_code == 429


def test_without_the_cache_reports_are_answered(
    read: Api, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.REPORTING_RATE = "1/h"

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RedisConnectionError("gone")

    monkeypatch.setattr(type(cache._connections["default"]), "add", fail)  # type: ignore[attr-defined]

    assert [read.get("/stats").status_code for _ in range(3)] == [200, 200, 200]


def test_a_count_that_was_lost_refuses_nobody(
    read: Api, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.REPORTING_RATE = "1/h"

    def lose(*args: Any, **kwargs: Any) -> None:
        raise ValueError("the key expired between two commands")

    monkeypatch.setattr(type(cache._connections["default"]), "incr", lose)  # type: ignore[attr-defined]

    assert [read.get("/stats").status_code for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize("text", ["", "600", "600/x", "-1/m", "1.5/m", "600/m ", "10/10m"])
def test_a_wrong_rate_is_refused_by_name(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="REPORTING_RATE"):
        parse_rate("REPORTING_RATE", text)


def test_a_rate_is_a_count_and_seconds() -> None:
    assert [parse_rate("REPORTING_RATE", f"5/{unit}") for unit in "smhd"] == [
        (5, 1),
        (5, 60),
        (5, 3600),
        (5, 86400),
    ]
