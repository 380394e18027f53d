"""The page of an event: one path however its address is spelled, its hostname, its click id."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events.hosts import read_hostname
from ingestion.enrich.campaigns import NO_CAMPAIGN, Campaign
from ingestion.enrich.click_ids import CLICK_IDS, find_click_id
from ingestion.enrich.pages import MAX_PAGE_CHARS, Page, read_page, tidy_path

PATHS = {
    "/a": "/a",
    "/a/": "/a/",
    "/A": "/A",
    "//a": "//a",
    "/a//b": "/a//b",
    "/": "/",
    "": "/",
    "?a=b": "/",
    "#top": "/",
    "/?a=b": "/",
    "/a?": "/a",
    "/a?fbclid=1": "/a",
    "/a?fbclid=2": "/a",
    "/a?utm_source=x": "/a",
    "/a?id=1?utm_source=x": "/a",
    "/a#top": "/a",
    "/a#?b": "/a",
    "/a?b#c": "/a",
    "/caf%C3%A9": "/café",
    "/caf%c3%a9": "/café",
    "/café": "/café",
    "/cafe\u0301": "/café",
    "/cafe%CC%81": "/café",
    "/%7Euser": "/~user",
    "/%61%2D%5f%2E": "/a-_.",
    "/a%2Fb": "/a%2Fb",
    "/a%2fb": "/a%2Fb",
    "/a%20b": "/a%20b",
    "/a%3Fb": "/a%3Fb",
    "/a%23b": "/a%23b",
    "/a%25b": "/a%25b",
    "/100%": "/100%",
    "/%zz": "/%zz",
    "/%00": "/%00",
    "/caf%E9": "/caf%E9",
    "/caf%e9%C3%A9%e9": "/caf%E9é%E9",
    "/%ED%A0%80": "/%ED%A0%80",
    "/%F0%9F%92%A9": "/\N{PILE OF POO}",
    "/%E4%BE%8B%E3%81%88": "/例え",
    "pricing": "pricing",
    "Screen one": "Screen one",
}


@pytest.mark.parametrize(("path", "page"), PATHS.items())
def test_a_page_is_one_row_however_its_address_is_spelled(path: str, page: str) -> None:
    assert tidy_path(path) == page
    assert read_page(None, path, None, tidy=True).path == page


@pytest.mark.parametrize("path", [path for path in PATHS if path])
def test_a_project_that_does_not_tidy_keeps_its_paths(path: str) -> None:
    assert read_page(None, path, None, tidy=False).path == path


@pytest.mark.parametrize(
    ("url", "hostname", "tidy", "kept"),
    [
        ("https://shop.example/a?b=c#d", "shop.example", "/a", "/a?b=c#d"),
        ("https://shop.example", "shop.example", "/", "/"),
        ("https://shop.example?b=c", "shop.example", "/", "/?b=c"),
        ("https://shop.example#d", "shop.example", "/", "/#d"),
        ("HTTPS://www.SHOP.example.:8443/A/", "www.shop.example", "/A/", "/A/"),
        ("  https://shop.example/a\n", "shop.example", "/a", "/a"),
        ("https:\\\\shop.example\\a", "shop.example", "\\a", "\\a"),
        ("https://user:secret@shop.example/a", "shop.example", "/a", "/a"),
        ("https://xn--mnchen-3ya.example/%c3%a9", "münchen.example", "/é", "/%c3%a9"),
        ("http://192.0.2.7:8000/a", "192.0.2.7", "/a", "/a"),
        ("http://[2001:db8::1]:8000/a", "[2001:db8::1]", "/a", "/a"),
        ("http://localhost:3000/a", "localhost", "/a", "/a"),
        ("//shop.example/a", "shop.example", "/a", "/a"),
        ("shop.example/a", "shop.example", "/a", "/a"),
        ("localhost:3000/a", "localhost", "/a", "/a"),
        ("capacitor://localhost/a?b", "localhost", "/a", "/a?b"),
        ("file:///C:/a", None, "/C:/a", "/C:/a"),
        ("about:blank", None, "blank", "blank"),
        ("/a?b", None, "/a", "/a?b"),
        ("a/b.html", None, "a/b.html", "a/b.html"),
        ("index.html", None, "index.html", "index.html"),
        ("https://a b/c", None, "/c", "/c"),
        ("https://", None, "/", "/"),
        ("", None, "/", "/"),
    ],
)
def test_an_address_gives_hostname_and_path(
    url: str, hostname: str | None, tidy: str, kept: str
) -> None:
    assert read_page(url, None, None, tidy=True)[:2] == (tidy, hostname)
    assert read_page(url, None, None, tidy=False)[:2] == (kept, hostname)


@pytest.mark.parametrize(
    ("url", "path", "hostname", "page"),
    [
        ("https://a.example/url", "/path", None, ("/path", "a.example")),
        ("https://a.example/url", "/path", "B.example:80", ("/path", "b.example")),
        ("https://a.example/url", None, "b.example", ("/url", "b.example")),
        ("https://a.example/url", "", None, ("/url", "a.example")),
        ("https://a.example/url", None, "a b", ("/url", "a.example")),
        (None, "https://a.example/path?b", None, ("/path", "a.example")),
        (None, "https://a.example", None, ("/", "a.example")),
        (None, "https://a.example/path", "b.example", ("/path", "b.example")),
        ("https://a.example/url", "https://b.example/path", None, ("/path", "a.example")),
        (None, "/path", None, ("/path", None)),
        (None, None, None, ("/", None)),
    ],
)
def test_path_and_hostname_go_before_the_address(
    url: str | None, path: str | None, hostname: str | None, page: tuple[str, str | None]
) -> None:
    assert read_page(url, path, hostname, tidy=True)[:2] == page


def test_a_whole_address_in_the_path_stays_where_paths_are_not_tidied() -> None:
    page = read_page(None, "https://a.example/b?c", None, tidy=False)

    assert page == Page("https://a.example/b?c", "a.example", NO_CAMPAIGN, None)


def test_campaign_and_click_id_are_read_before_the_query_goes() -> None:
    url = "https://a.example/b?UTM_Source=News&amp;utm_medium=Email#gclid=1"

    assert read_page(url, None, None, tidy=True) == Page(
        "/b", "a.example", Campaign("news", "email"), "gclid"
    )


def test_what_the_path_says_of_a_campaign_goes_before_the_address() -> None:
    page = read_page(
        "https://a.example/?utm_source=url&utm_term=b&gclid=1",
        "/c?utm_source=path&fbclid=2",
        None,
        tidy=True,
    )

    assert page == Page("/c", "a.example", Campaign("path", term="b"), "fbclid")


def test_a_long_address_is_cut_after_its_query_was_read() -> None:
    url = "https://a.example/" + "b" * 3_000 + "?" + "c=d&" * 2_000 + "utm_source=news&gclid=1"

    page = read_page(url, None, None, tidy=True)

    assert page.path == ("/" + "b" * 3_000)[:MAX_PAGE_CHARS]
    assert page[2:] == (Campaign("news"), "gclid")
    assert len(read_page(url, None, None, tidy=False).path) == MAX_PAGE_CHARS


@pytest.mark.parametrize(
    ("address", "click_id"),
    [
        ("/?gclid=1", "gclid"),
        ("/?GCLID=1", "gclid"),
        ("/?ScCid=1", "sccid"),
        ("/?a=b&fbclid=1", "fbclid"),
        ("/?a=b&amp;fbclid=1", "fbclid"),
        ("/?a=b?fbclid=1", "fbclid"),
        ("/#msclkid=1", "msclkid"),
        ("/?a%26gclid%3D1", "gclid"),
        ("/?_kx=a", "_kx"),
        ("/?gad_source=1&gbraid=2&gclid=3", "gclid"),
        ("/?gclid=1&fbclid=2", "fbclid"),
        ("/?gclid=", None),
        ("/?gclid=&fbclid=1", "fbclid"),
        ("/?gclid", None),
        ("/?xgclid=1", None),
        ("/?gclidx=1", None),
        ("/gclid=1", None),
        ("/?q=gclid=1", None),
        ("/", None),
        ("", None),
    ],
)
def test_a_click_id_is_found_by_its_name(address: str, click_id: str | None) -> None:
    assert find_click_id(address) == click_id


@pytest.mark.parametrize("name", CLICK_IDS)
def test_each_click_id_is_known_in_lower_case(name: str) -> None:
    assert find_click_id(f"/?{name.upper()}=a") == name == name.lower()


@pytest.mark.parametrize(
    ("text", "hostname"),
    [
        ("Shop.Example", "shop.example"),
        ("www.shop.example", "www.shop.example"),
        ("shop.example.:443", "shop.example"),
        ("https://shop.example/a", "shop.example"),
        ("//shop.example", None),
        ("xn--mnchen-3ya.example", "münchen.example"),
        ("localhost", "localhost"),
        (" shop.example ", "shop.example"),
        ("a b", None),
        ("", None),
    ],
)
def test_a_hostname_has_one_spelling(text: str, hostname: str | None) -> None:
    assert read_hostname(text) == hostname


@pytest.mark.slow
@settings(max_examples=300)
@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["", "https://", "//", "/"]))
def test_whatever_is_sent_is_read(text: str, host: str, begin: str) -> None:
    for page in (
        read_page(begin + text, None, host, tidy=True),
        read_page(None, begin + text, host, tidy=True),
    ):
        assert page.path
        assert not set(page.path) & set("?#")
        assert page.hostname is None or page.hostname


HEAPED = "\u0301\u0323" * 16  # out of order, and more than any language has


def test_heaped_marks_are_not_sorted() -> None:
    assert tidy_path(f"/a{HEAPED}") == f"/a{HEAPED}"
    assert read_page(f"https://a{HEAPED}.example/", None, None, tidy=True).hostname is None
    assert tidy_path(f"/a{HEAPED[:30]}") != f"/a{HEAPED[:30]}"
    found = read_page(f"/?utm_source=e{HEAPED}", None, None, tidy=False).campaign
    assert found == Campaign(source=f"e{HEAPED}")


# Of a size with which what takes the square of it would not come to an end.
MANY = 1 << 20


@pytest.mark.parametrize("part", ["a", "1", "a.", ".", "a1", "a.1", "%25", "\u0301\u0323"])
@pytest.mark.parametrize("begin", ["a.", "https://", "/", "/?utm_source=", "/?gclid="])
@pytest.mark.parametrize("tidy", [True, False])
def test_no_address_takes_more_than_a_time_for_each_character(
    begin: str, part: str, tidy: bool
) -> None:
    page = read_page(begin + part * (MANY // len(part)), None, None, tidy=tidy)

    assert len(page.path) <= MAX_PAGE_CHARS
