"""Settings come from the environment and `.env`, and a wrong one stops the start by its name."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings import environment
from tests.paths import ROOT

GUNICORN = ROOT / "config/gunicorn.py"


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (environment.read_text, "$ecret, with a dollar", "$ecret, with a dollar"),
        (lambda name: environment.read_list(name, ["a"]), " b, c,", ["b", "c"]),
        (lambda name: environment.read_list(name, ["a"]), "", []),
        (environment.read_flag, "True", True),
        (environment.read_flag, "off", False),
        (environment.read_flag, "", False),
        (environment.read_mail_address, "", ""),
        (environment.read_mail_address, "Us <a@example.com>", "Us <a@example.com>"),
        (environment.read_public_url, "", ""),
        (environment.read_public_url, "https://stats.example/", "https://stats.example"),
        (lambda name: environment.read_positive(name, 7), "", 7),
        (lambda name: environment.read_positive(name, 7), "3", 3),
        (lambda name: environment.read_number(name, 0.5), "", 0.5),
        (lambda name: environment.read_number(name, 0.5), "2.25", 2.25),
        (lambda name: environment.read_choice(name, "a", ("a", "b")), "", "a"),
        (lambda name: environment.read_redis_url(name, "-"), "rediss://h/0", "rediss://h/0"),
    ],
)
def test_a_value_is_read_and_an_empty_one_is_none(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[str], Any], text: str, value: Any
) -> None:
    monkeypatch.setenv("A_SETTING", text)
    assert read("A_SETTING") == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (environment.read_flag, "perhaps"),
        (environment.read_mail_address, "nobody"),
        (environment.read_mail_address, "a@example.com, b@example.com"),
        (environment.read_public_url, "stats.example"),
        (environment.read_public_url, "https://a@stats.example"),
        (environment.read_public_url, "https://stats.example\nX: y"),
        (lambda name: environment.read_mail_address(name, wanted_by="A_HOST"), ""),
        (lambda name: environment.read_positive(name, 7), "0"),
        (lambda name: environment.read_positive(name, 7), "-1"),
        (lambda name: environment.read_positive(name, 7), "1.5"),
        (lambda name: environment.read_positive(name, 7), "many"),
        (lambda name: environment.read_positive(name, 7), "\u00b2"),
        (lambda name: environment.read_port(name, 7), "65536"),
        (lambda name: environment.read_number(name, 0.5), "soon"),
        (lambda name: environment.read_number(name, 0.5), "0"),
        (lambda name: environment.read_number(name, 0.5), "nan"),
        (lambda name: environment.read_number(name, 0.5), "inf"),
        (lambda name: environment.read_number(name, 0.5, most=1), "1.1"),
        (lambda name: environment.read_choice(name, "a", ("a", "b")), "c"),
        (lambda name: environment.read_redis_url(name, "-"), "localhost:6379"),
        (lambda name: environment.read_mongo_uri(name, "-"), "mongo:27017"),
        (lambda name: environment.read_networks(name, []), "300.1.1.1"),
    ],
)
def test_a_wrong_value_is_an_error_with_its_name(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[str], Any], text: str
) -> None:
    monkeypatch.setenv("A_SETTING", text)
    with pytest.raises(ImproperlyConfigured, match="A_SETTING"):
        read("A_SETTING")


def test_an_address_with_a_password_is_not_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SETTING", "http://:hidden@host")
    with pytest.raises(ImproperlyConfigured) as caught:
        environment.read_redis_url("A_SETTING", "-")
    assert "hidden" not in str(caught.value)


def test_traces_are_refused_at_the_start_without_their_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert environment.read_traces("A_SETTING") is False
    monkeypatch.setenv("A_SETTING", "true")
    with pytest.raises(ImproperlyConfigured, match=r"A_SETTING needs .*requirements-otel\.txt"):
        environment.read_traces("A_SETTING")


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with gunicorn's settings, and nothing said in the environment."""
    (tmp_path / "config").mkdir()
    shutil.copy(GUNICORN, tmp_path / "config")
    names = ("BIND", "PORT", "INGEST_PORT", "REPORT_PORT", "ROLE", "WEB_CONCURRENCY")
    for name in (*names, "REPORT_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)))


def read_gunicorn(installation: Path) -> dict[str, Any]:
    return runpy.run_path(str(installation / "config/gunicorn.py"))


def test_gunicorn_has_defaults(installation: Path) -> None:
    settings = read_gunicorn(installation)
    assert (settings["bind"], settings["workers"]) == ("127.0.0.1:8000", 2 + 1)


@pytest.mark.parametrize(("cores", "accepting"), [(1, 1), (2, 1), (3, 2)])
def test_few_cores_have_one_process_that_accepts(
    installation: Path, monkeypatch: pytest.MonkeyPatch, cores: int, accepting: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)))
    assert read_gunicorn(installation)["workers"] == accepting + 1


def test_gunicorn_reads_the_file_and_the_environment_goes_before_it(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "BIND=0.0.0.0\nPORT=9001\nWEB_CONCURRENCY=3\nREPORT_CONCURRENCY=2\n"
    (installation / ".env").write_text(lines)
    monkeypatch.setenv("WEB_CONCURRENCY", "4")

    settings = read_gunicorn(installation)

    assert (settings["bind"], settings["workers"]) == ("0.0.0.0:9001", 4 + 2)
    assert "PORT" not in os.environ


@pytest.mark.parametrize(("role", "port"), [("reporting", 9003), ("ingest", 9002)])
def test_the_port_of_gunicorn_goes_by_the_role(
    installation: Path, monkeypatch: pytest.MonkeyPatch, role: str, port: int
) -> None:
    for name, value in (("INGEST_PORT", "9002"), ("REPORT_PORT", "9003"), ("ROLE", role)):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REPORT_CONCURRENCY", "7")  # with a role there is one kind of process
    settings = read_gunicorn(installation)
    assert (settings["bind"], settings["workers"]) == (f"127.0.0.1:{port}", 2)


@pytest.mark.parametrize(
    "setting", ["PORT=http", "PORT=70000", "WEB_CONCURRENCY=0", "REPORT_CONCURRENCY=0"]
)
def test_gunicorn_stops_at_a_wrong_value_by_its_name(
    installation: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    name, value = setting.split("=")
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=name):
        read_gunicorn(installation)


@pytest.mark.slow
def test_the_settings_of_gunicorn_load_nothing_that_is_to_be_patched() -> None:
    code = f"import runpy, sys; runpy.run_path({str(GUNICORN)!r}); print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert not {"ssl", "redis", "celery", "config"} & set(loaded)
