"""Settings of ClickHouse: a wrong one ends the start, with its name and without its password."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from analytics.databases import clickhouse as client
from config.settings import clickhouse
from config.settings.clickhouse import read_clickhouse_files, read_clickhouse_url, read_name

# All that ClickHouse 26.9 has: SELECT name FROM system.settings WHERE name LIKE '%overflow_mode%'
OVERFLOW_MODES = {
    "distinct_overflow_mode", "group_by_overflow_mode", "join_overflow_mode", "read_overflow_mode",
    "read_overflow_mode_leaf", "result_overflow_mode", "set_overflow_mode", "sort_overflow_mode",
    "timeout_overflow_mode", "timeout_overflow_mode_leaf", "transfer_overflow_mode",
}  # fmt: skip


def test_a_limit_of_the_users_profile_cuts_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever asks, and whatever else it asks for."""
    sent: dict[str, Any] = {}

    def query(statement: str, *, settings: dict[str, Any], **others: Any) -> SimpleNamespace:
        sent.update(settings)
        return SimpleNamespace(column_names=(), result_rows=[])

    monkeypatch.setattr(client, "_client", lambda: SimpleNamespace(query=query))
    cutting: dict[str, int | str] = {"read_overflow_mode": "break", "limit": 1, "offset": 1}
    client.read_rows("SELECT 1", {}, cutting, {}, 5.0)

    modes = {name: mode for name, mode in sent.items() if "overflow_mode" in name}
    assert modes == dict.fromkeys(OVERFLOW_MODES, "throw")
    assert (sent["limit"], sent["offset"]) == (0, 0)


def test_none_is_asked_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_SETTING", raising=False)

    assert read_clickhouse_url("A_SETTING") == ""
    assert read_clickhouse_files("A_SETTING") == ""
    assert read_name("A_SETTING") == ""


@pytest.mark.parametrize("value", ["http://localhost:8123", "https://ann:se%3Acret@host/"])
def test_addresses_are_read(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("A_SETTING", value)

    assert read_clickhouse_url("A_SETTING") == value


@pytest.mark.parametrize(
    "value",
    [
        "host:8123", "clickhouse://host", "https://", "https://a:secret@host:port",
        "https://a:secret@host:0", "https://a:secret@host/path", "https://a:secret@host?x=1",
        "https://a:secret@[host",
    ],
)  # fmt: skip
def test_others_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("A_SETTING", value)

    with pytest.raises(ImproperlyConfigured, match="A_SETTING") as raised:
        read_clickhouse_url("A_SETTING")
    assert "secret" not in str(raised.value)


def test_its_packages_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SETTING", "http://host")
    monkeypatch.setattr(clickhouse, "_CLICKHOUSE_MODULES", ("no_such_package",))

    with pytest.raises(ImproperlyConfigured, match=r"requirements-clickhouse\.txt"):
        read_clickhouse_url("A_SETTING")


def test_a_folder_has_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SETTING", "/columns/")

    assert read_clickhouse_files("A_SETTING") == "/columns"


@pytest.mark.parametrize("value", ["columns", "/a/*", "/a/{b,c}", "/a'b", "ftp://a", "s3://a b"])
def test_a_folder_is_a_place_and_no_pattern(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("A_SETTING", value)

    with pytest.raises(ImproperlyConfigured, match="A_SETTING"):
        read_clickhouse_files("A_SETTING")


def test_a_cluster_is_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SETTING", "a', 'b")

    with pytest.raises(ImproperlyConfigured, match="A_SETTING"):
        read_name("A_SETTING")
