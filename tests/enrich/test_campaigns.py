"""Which campaign brought somebody: found however it is spelled, and one row whatever its case."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events.event import MAX_PATH_CHARS
from ingestion.enrich.campaigns import (
    MAX_CAMPAIGN_CHARS,
    NO_CAMPAIGN,
    Campaign,
    find_campaign,
    names_campaign,
    read_path,
)

MANY = "&".join(f"p{n}={n}" for n in range(300))


@pytest.mark.parametrize(
    "path",
    [
        "/l?utm_source=news",
        "/l?UTM_SOURCE=news",
        "/l?Utm_Source=news",
        "/l?utm_source=News",
        "/l?utm_source=NEWS",
        "/l?utm_source=%20news%20",
        "/l?utm_source=+news+",
        "/l?utm_source=news%0A",
        "/l?utm_source=n%65ws",
        "/l?utm%5Fsource=news",
        "/l?utm%5fSOURCE=news",
        "/l?utm_source%3Dnews",
        "/l#utm_source=news",
        "/l#/route?utm_source=news",
        "/l#!utm_source=news",
        "/l?a=b#utm_source=news",
        "/l#a&utm_source=news",
        "/l?a=b&utm_source=news",
        "/l?a=b&amp;utm_source=news",
        "/l?a=b&AMP;utm_source=news",
        "/l?a=b&amp;amp;utm_source=news",
        "/l?a=b&#38;utm_source=news",
        "/l?a=b&#x26;utm_source=news",
        "/l?a=b;utm_source=news",
        "/l?id=1?utm_source=news",
        "/l??utm_source=news",
        "/l?&utm_source=news",
        "/l&utm_source=news",
        f"/l?{MANY}&utm_source=news",
        f"/l?utm_source=news&{MANY}",
        "/l?utm_source=&utm_source=news",
        "/l?utm_source=%20&utm_source=news",
        "/l?utm_source=news&utm_source=other",
        "/l?utm_source=news#utm_source=other",
        "/l?utm_source=news?",
        "/l?utm_source=news&",
        "/l?utm_source=news#top",
        "/l%3Futm_source%3Dnews",
        "/l?a=b%26utm_source=news",
        "https://site.example/l?utm_source=news",
        "?utm_source=news",
        "utm?utm_source=news",
    ],
)
def test_a_source_in_the_path_is_found_however_it_is_spelled(path: str) -> None:
    assert read_path(path) == Campaign("news")


@pytest.mark.parametrize(
    ("path", "campaign"),
    [
        ("/l?utm_source=news&amp;utm_medium=email", ("news", "email", None)),
        ("/l?utm_source=news;utm_medium=email", ("news", "email", None)),
        ("/l?utm_source=news?utm_medium=email#utm_campaign=may", ("news", "email", "may")),
        ("/l%3Futm_source%3Dnews%26utm_medium%3Demail", ("news", "email", None)),
        ("/l?utm_campaign=Spring%20Sale+2025", (None, None, "spring sale 2025")),
        ("/l?utm_campaign=a%26b%3Dc", (None, None, "a&b=c")),
        ("/l?utm_campaign=a;b", (None, None, "a;b")),
        ("/l?utm_campaign=a=b", (None, None, "a=b")),
        ("/l?utm_campaign=100%", (None, None, "100%")),
        ("/l?utm_campaign=%zz", (None, None, "%zz")),
        ("/l?utm_campaign=caf%C3%A9", (None, None, "café")),
        ("/l?utm_campaign=caf%E9", (None, None, "café")),
        ("/l?utm_campaign=CAF%C3%89", (None, None, "café")),
        ("/l?utm_campaign=cafe%CC%81", (None, None, "café")),
        ("/l?utm_campaign=café", (None, None, "café")),
        ("/l?utm_campaign=a\ud800", (None, None, "a?")),
        ("/l?utm_medium=cpc&utm_term=Red+Shoes", (None, "cpc", None, "red shoes")),
        ("/l?UTM_CONTENT=Header&amp;utm_term=a#utm_source=b", ("b", None, None, "a", "header")),
    ],
)
def test_a_campaign_in_the_path_is_trimmed_and_in_lower_case(
    path: str, campaign: tuple[str | None, ...]
) -> None:
    assert read_path(path) == Campaign(*campaign)


@pytest.mark.parametrize(
    "path",
    ["/", "/utm_source=x", "/utm_source", "/l?utm_source", "/l?utm_source=", "/l?utm_source=%20",
     "/l?xutm_source=a", "/l?utm_sources=a", "/l?utm-source=a", "/l?source=a", "/l?q=utm_source=a",
     "/l?utm=a", "/utm_?utm_medium"],
)  # fmt: skip
def test_what_only_looks_like_a_campaign_is_none(path: str) -> None:
    assert read_path(path) == NO_CAMPAIGN


@pytest.mark.parametrize(
    ("properties", "source"),
    [
        ({"utm_source": "a"}, "a"),
        ({"utmSource": "a"}, "a"),
        ({"UTM_SOURCE": "a"}, "a"),
        ({"Utm_Source": "a"}, "a"),
        ({"utmsource": "a"}, "a"),
        ({"UtmSource": "a"}, "a"),
        ({"utm_source": " A "}, "a"),
        ({"utm_source": "a", "utmSource": "b"}, "a"),
        ({"utm_source": "", "utmSource": "b"}, "b"),
        ({"utm_source": ""}, "query"),
        ({"utm_source": " \n"}, "query"),
        ({"utm_source": ["a"]}, "query"),
        ({"utm_source": 7}, "query"),
        ({"utm_source": None}, "query"),
        ({"utm_medium": "a"}, "query"),
        ({"source": "a"}, "query"),
        ({"utm_source": "a" * 1_000}, "a" * MAX_CAMPAIGN_CHARS),
    ],
)
def test_properties_go_before_the_path(properties: dict[str, Any], source: str) -> None:
    assert find_campaign(Campaign("query"), properties).source == source
    assert names_campaign(properties) or source == "query"


def test_properties_name_all_five() -> None:
    properties = {
        "utm_source": "a", "utmMedium": "b", "UTM_CAMPAIGN": "c", "utm_term": "D", "utmContent": "e"
    }  # fmt: skip

    assert find_campaign(NO_CAMPAIGN, properties) == Campaign("a", "b", "c", "d", "e")
    assert names_campaign({"utm_term": "d"})


@pytest.mark.parametrize(
    "path",
    [
        "?utm_source=" + "a" * 3_000,
        "&amp;" * 400 + "utm_source=a",
        "?utm_source=a" * 170,
        ";utm" * 500,
        "?utm_campaign=" + "%C3%A9" * 330,
    ],
)
def test_a_long_path_gives_no_long_campaign(path: str) -> None:
    assert all(len(value or "") <= MAX_CAMPAIGN_CHARS for value in read_path(path[:MAX_PATH_CHARS]))


@settings(max_examples=200)
@given(st.text(max_size=80))
def test_whatever_stands_in_a_path_is_read(text: str) -> None:
    for value in read_path(f"/l?utm_source={text}&utm_medium={text}#utm_campaign=a"):
        assert value is None or (value and value == value.strip())
