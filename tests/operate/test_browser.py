"""The harness of the tests that drive a browser."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import NOT_FOUND, Watch, find_chromium, is_local
from tests.paths import ROOT

pytest_plugins = ("tests.browser",)


@pytest.mark.browser
def test_a_page_that_complains_is_heard(page: Page, watch: Watch) -> None:
    page.goto("about:blank")

    page.evaluate("console.error('this went wrong'); console.info('this did not')")
    page.evaluate("setTimeout(() => { throw new Error('nor was this caught') })")
    page.wait_for_function("true")

    assert any("this went wrong" in line for line in watch.list_unexpected())
    watch.expect("this went wrong")
    watch.expect("nor was this caught")


@pytest.mark.browser
def test_a_page_that_asks_another_host_is_seen_and_reaches_none(page: Page, watch: Watch) -> None:
    page.goto("about:blank")

    outcome = page.evaluate("fetch('https://example.com/').then(() => 'reached', () => 'failed')")

    assert outcome == "failed"
    assert "asked another host: https://example.com/" in watch.list_unexpected()
    watch.expect("example.com")
    watch.expect("ERR_NAME_NOT_RESOLVED")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("shop.localhost", True),
        ("127.0.0.1", True),
        ("localhost.example.com", False),
        (None, False),
    ],
)
def test_a_host_of_this_machine_is_no_other(host: str | None, local: bool) -> None:
    assert is_local(host) is local


def test_the_named_program_goes_before_those_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mine", "chromium"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_chromium() == str(tmp_path / "chromium")
    monkeypatch.setenv("CHROMIUM_PATH", str(tmp_path / "mine"))
    assert find_chromium() == str(tmp_path / "mine")
    monkeypatch.setenv("CHROMIUM_PATH", "no-such-program")
    assert find_chromium() is None


@pytest.mark.slow
def test_without_a_chromium_the_tests_are_skipped_and_say_what_they_need() -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-rs",
            "-p",
            "no:cacheprovider",
            "-m",
            "browser",
            __file__,
        ],
        cwd=ROOT,
        env={**os.environ, "CHROMIUM_PATH": "no-such-program"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 skipped" in run.stdout
    assert NOT_FOUND in " ".join(run.stdout.split())
