"""What the drain makes of a user agent: the device class, and names that a person would know."""

import json
import tomllib
from datetime import date
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events.event import MAX_USER_AGENT_CHARS
from ingestion.enrich.crawlers import LIST, is_crawler
from ingestion.enrich.devices import BOT, CONSOLE, DESKTOP, MOBILE, TABLET, TV
from ingestion.enrich.user_agents import parse_user_agent
from tests import paths

GOLDEN = paths.GOLDEN / "user_agents.tsv"
DEVICES = (DESKTOP, MOBILE, TABLET, TV, CONSOLE, BOT, None)


def read_golden() -> list[tuple[str, str, str, str]]:
    rows = [line.split("\t") for line in GOLDEN.read_text().splitlines() if line[:1] != "#"]
    return [(text, browser, os, device) for device, browser, os, text in rows]


@pytest.mark.parametrize(("text", "browser", "os", "device"), read_golden())
def test_a_user_agent_tells_browser_system_and_device(
    text: str, browser: str, os: str, device: str
) -> None:
    assert tuple(found or "-" for found in parse_user_agent(text).client) == (browser, os, device)


def read_list() -> list[tuple[str, str]]:
    listed = files("crawleruseragents").joinpath("crawler-user-agents.json").read_bytes()
    return [
        (crawler["pattern"], text)
        for crawler in json.loads(listed)
        for text in crawler.get("instances") or ["-"]
    ]


def test_every_example_of_the_list_is_a_bot_but_of_what_is_left_out() -> None:
    left_out = tomllib.loads(LIST.read_text())["left_out"]

    missed = {pattern for pattern, text in read_list() if text != "-" and not is_crawler(text)}

    assert missed <= set(left_out)


def test_what_is_left_out_is_in_the_list() -> None:
    own = tomllib.loads(LIST.read_text())

    assert set(own["left_out"]) <= {pattern for pattern, _ in read_list()}
    assert len(own["left_out"]) == len(set(own["left_out"]))
    assert isinstance(own["date"], date)


@pytest.mark.parametrize(
    "text",
    [
        "(" * MAX_USER_AGENT_CHARS,
        "Mozilla/5.0 (Linux; (" * 48,
        "(linux;" * 146,
        "compatible; " * 85,
        "a@" * 512,
        "a " * 512 + "bot",
        "-User" * 200,
        "bot/" * 256,
        "\x00\n\t\x7f",
        "\u202ebot\u200b",
        "Mozilla/5.0 (" + "\N{PILE OF POO}" * 500,
        "1.1.1.1." * 128 + "bot",
    ],
)
def test_an_absurd_user_agent_is_read_all_the_same(text: str) -> None:
    browser, _, device = parse_user_agent(text).client

    assert device in DEVICES
    assert browser is None or len(browser) <= 64


@settings(max_examples=200)
@given(st.text(max_size=MAX_USER_AGENT_CHARS))
def test_no_name_holds_a_piece_of_an_address(text: str) -> None:
    browser, os, device = parse_user_agent(
        text + " (+https://crawler.example/bot; a@b.example)"
    ).client

    assert device == BOT
    for name in (browser, os):
        assert name is None or not set(name) & set("/@+%:<>()")
