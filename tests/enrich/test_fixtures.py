"""What the drain makes of 300 user agents and 300 referrers, beside what people say is right."""

from collections.abc import Iterator
from pathlib import Path

from ingestion.enrich.bots import judge_user_agent
from ingestion.enrich.pages import read_page
from ingestion.enrich.referrers import referrer_host
from ingestion.enrich.traffic import find_traffic
from ingestion.enrich.user_agents import parse_user_agent

FIXTURES = Path(__file__).with_name("fixtures")
LEAST_RIGHT = 0.97
NONE, NOT_JUDGED = "-", "*"

# What is known to be wrong, no more and no less: who mends one takes it from here.
WRONG_USER_AGENTS = {
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Slack/4.36.140 Chrome/120.0.6099.225 Electron/28.1.3 Safari/537.36",
    "Finder/14.2 CFNetwork/1490.0.4 Darwin/23.2.0 (x86_64)",
    "Mozilla/5.0 (compatible; Seekport Crawler; http://seekport.com/)",
    "Synapse (bot; +https://github.com/matrix-org/synapse)",
}
WRONG_REFERRERS: set[str] = set()


def read_rows(name: str) -> Iterator[list[str]]:
    for line in (FIXTURES / name).read_text().splitlines():
        if not line.startswith("#"):
            yield line.split("\t")


def is_right(truth: list[str], found: list[str | None]) -> bool:
    return all(
        right in (NOT_JUDGED, value or NONE) for right, value in zip(truth, found, strict=True)
    )


def check(right: dict[str, bool], known_wrong: set[str]) -> None:
    wrong = {text for text, is_so in right.items() if not is_so}

    assert len(right) >= 300
    assert wrong == known_wrong
    assert len(wrong) <= (1 - LEAST_RIGHT) * len(right)


def test_user_agents_are_read_as_people_read_them() -> None:
    right = {}
    for *truth, text in read_rows("user_agents.tsv"):
        agent = parse_user_agent(text)
        bot = judge_user_agent(text)
        found = [
            agent.device or (bot and "bot"), agent.browser, agent.browser_version,
            agent.os, agent.os_version, bot,
        ]  # fmt: skip
        right[text] = is_right(truth, found)

    check(right, WRONG_USER_AGENTS)


def test_referrers_and_campaigns_are_of_the_source_and_channel_that_people_say() -> None:
    right = {}
    for *truth, referrer, url in read_rows("referrers.tsv"):
        host = None if referrer == NONE else referrer_host(referrer)
        page = read_page(None if url == NONE else url, None, None, tidy=True)
        traffic = find_traffic(host, page.campaign, page.click_id)
        right[f"{referrer} {url}"] = is_right(truth, [host, *traffic])

    check(right, WRONG_REFERRERS)


def test_each_table_says_its_date_its_origin_and_its_licence() -> None:
    for path in FIXTURES.iterdir():
        head = path.read_text().split("\n", 7)[:7]
        said = " ".join(line.lstrip("# ") for line in head if line.startswith("#"))

        assert all(word in said for word in ("Date: ", "Origin: ", "Licence: ")), path.name
