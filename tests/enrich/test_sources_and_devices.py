"""From POST /events to reports: devices, sources and campaigns are counted as they are stored."""

from typing import Any

import pytest

from tests.conftest import Api, TestProject
from tests.stored import store_events
from upkeep.rollups.compaction import compact_summaries

SPELLINGS: list[dict[str, Any]] = [
    {"path": "/l?UTM_SOURCE=news"},
    {"path": "/l#utm_source=news"},
    {"path": "/l?a=b&amp;utm_source=News"},
    {"path": "/l?id=1?utm_source=news"},
    {"path": "/l?" + "&".join(f"p{n}=1" for n in range(101)) + "&utm_source=news"},
    {"path": "/l?utm_source=%20NEWS%20"},
    {"path": "/l", "properties": {"UTM_SOURCE": "news"}},
]
REFERRERS = ["https://example.com./", "https://www.EXAMPLE.com/", "https%3A%2F%2Fexample.com%2Fa"]
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
AGENTS = [
    "curl/8.7.1",
    "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UP1A.231005.007)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; Tablet PC 2.0; rv:11.0) like Gecko",
    "okhttp/4.12.0",
]


def ask(read: Api, by: str, exact: str) -> dict[str | None, int]:
    rows = read.get("/stats/breakdown", by=by, exact=exact, bots="true").json()["results"]
    return {row["value"]: row["views"] for row in rows if row["value"] is not None}


@pytest.mark.parametrize("exact", ["false", "true"])
def test_what_is_one_thing_is_one_row(project: TestProject, read: Api, exact: str) -> None:
    sources = [*SPELLINGS, *({"path": "/", "properties": {"referrer": url}} for url in REFERRERS)]
    store_events(project, [{"userAgent": BROWSER, **event} for event in sources])
    store_events(project, [{"path": "/", "userAgent": agent} for agent in AGENTS])
    compact_summaries()

    assert ask(read, "utmSource", exact) == {"news": len(SPELLINGS)}
    assert ask(read, "referrer", exact) == {"example.com": len(REFERRERS)}
    assert ask(read, "device", exact) == {"desktop": len(sources) + 1, "bot": 2, "mobile": 1}
    assert ask(read, "browser", exact) == {
        "Firefox": len(sources),
        "curl": 1,
        "GPTBot": 1,
        "Internet Explorer": 1,
    }
