"""Where somebody came from: apps and hosts, each in one spelling, as a browser reads the URL."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import hosts
from analytics.events.hosts import MAX_HOST_CHARS
from ingestion.enrich import referrers
from ingestion.enrich.referrers import referrer_host

KEPT = {
    "https://example.com/": "example.com",
    "https://www.Example.com/a?b=c": "example.com",
    "HTTPS://EXAMPLE.COM/": "example.com",
    "http://a.example.com:8080": "a.example.com",
    "https://example.com:443/": "example.com",
    "https://example.com:/": "example.com",
    "https://example.com?a=b": "example.com",
    "https://example.com#a": "example.com",
    "https://user:secret@example.com/": "example.com",
    "https://user:p@ss@example.com/": "example.com",
    "https://example.com/@other.example": "example.com",
    "https://example.com?@other.example": "example.com",
    "https://example.com#@other.example": "example.com",
    "https://shop.example\\@other.example/": "shop.example",
    "https://shop.example\\.other.example/": "shop.example",
    "https:\\\\shop.example\\a": "shop.example",
    "https:example.com": "example.com",
    "https:/example.com/": "example.com",
    "https:////example.com/": "example.com",
    "  https://example.com/ \n": "example.com",
    "https://exa\tmple.com/": "example.com",
    "ht\ntps://example.com/": "example.com",
    "\x00https://example.com/": "example.com",
    "//example.com/a": "example.com",
    "\\\\example.com/a": "example.com",
    "example.com": "example.com",
    "example.com/a": "example.com",
    "example.com:8080/a": "example.com",
    "www.example.com": "example.com",
    "https://example.com./": "example.com",
    "https://www.example.com.:443/": "example.com",
    "https://www.com/": "www.com",
    "https://www.intranet/": "www.intranet",
    "https://www/": "www",
    "https://a_b.example/": "a_b.example",
    "https://-a.example/": "-a.example",
    "http://intranet/start": "intranet",
    "http://intranet:8080": "intranet",
    "http://localhost:3000/": "localhost",
    "//intranet/a": "intranet",
    "http://192.0.2.7/a": "192.0.2.7",
    "192.0.2.7/a": "192.0.2.7",
    "http://192.0.2.7./": "192.0.2.7",
    "http://3221225991/": "192.0.2.7",
    "http://0xc0.0.2.7/": "192.0.2.7",
    "http://[2001:db8::1]/x": "[2001:db8::1]",
    "http://[2001:0DB8:0:0::1]:8080/": "[2001:db8::1]",
    "http://a@[::1]": "[::1]",
    "https://münchen-shop.example/": "münchen-shop.example",
    "https://xn--mnchen-shop-thb.example/": "münchen-shop.example",
    "https://XN--MNCHEN-SHOP-THB.example/": "münchen-shop.example",
    "https://MÜNCHEN-shop.example/": "münchen-shop.example",
    "https://mu\u0308nchen-shop.example/": "münchen-shop.example",
    "https://m%C3%BCnchen-shop.example/": "münchen-shop.example",
    "https://m\u00adünchen-shop.example/": "münchen-shop.example",
    "https://www.xn--mnchen-shop-thb.example/": "münchen-shop.example",
    "https://faß.example/": "faß.example",
    "https://xn--fa-hia.example/": "faß.example",
    "https://例え。テスト/": "例え.テスト",
    "https://xn--r8jz45g.xn--zckzah/": "例え.テスト",
    "https://пример.испытание/": "пример.испытание",
    "https://i❤.example/": "i❤.example",
    "https://xn--i-7iq.example/": "i❤.example",
    "https://\uff45xample\uff0ecom/": "example.com",
    "https://ex%61mple.com/": "example.com",
    "https://xn--a.example/": "xn--a.example",
    "https://xn--abc-.example/": "xn--abc-.example",
    "https://xn--.example/": "xn--.example",
    "https%3A%2F%2Fnews.example%2Fitem": "news.example",
    "https%3a%2f%2fwww.news.example": "news.example",
    "https%253A%252F%252Fnews.example%252Fitem": "news.example",
    "https%3A//news.example/a": "news.example",
    "%2F%2Fnews.example%2Fitem": "news.example",
    "news.example%2Fitem": "news.example",
    "https%3A%2F%2Fm%25C3%25BCnchen.example": "münchen.example",
    "android-app://com.google.android.gm/": "android-app://com.google.android.gm",
    "android-app://com.google.android.gm": "android-app://com.google.android.gm",
    "android-app://com.slack": "android-app://com.slack",
    "Android-App://com.Slack/https/slack.example": "android-app://com.slack",
    "android-app%3A%2F%2Fcom.slack": "android-app://com.slack",
    "android-app://com.google.android.googlequicksearchbox/https/www.google.com":
        "android-app://com.google.android.googlequicksearchbox",
    "ios-app://544007664/vnd.youtube/www.youtube.com": "ios-app://544007664",
}  # fmt: skip

REFUSED = [
    "",
    " ",
    "/",
    "/a/b",
    "?a=b",
    "#a",
    "https://",
    "https:///",
    "http:",
    "//",
    "-",
    "null",
    "undefined",
    "(direct)",
    "(not set)",
    "google",
    "newsletter",
    "Google Search",
    "1.0",
    "12",
    ".",
    "..",
    "a@b.com",
    "mailto:a@b.com",
    "ftp://example.com",
    "file:///etc/passwd",
    "about:blank",
    "about:client",
    "data:text/html,a.example",
    "javascript://example.com/%0Aalert(1)",
    "blob:https://example.com/1",
    "chrome-extension://abcdef/",
    "moz-extension://abcdef/",
    "android-app:com.slack",
    "android-app://",
    "android-app:///",
    "android-app://a b",
    "android-app://a%20b",
    "https://[broken",
    "https://[::1",
    "https://[1.2.3.4]/",
    "https://[::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[::1]a/",
    "https://a b.com",
    "https://a..b/",
    "https://.example.com/",
    "https://example.com../",
    "https://%/",
    "https://%zz.example/",
    "https://a%2Fb.example/",
    "https://a%00b.example/",
    "https://a%40b.example/",
    "https://a\x00b.example/",
    "https://a<b>.example/",
    "https://a|b.example/",
    "https://a^b.example/",
    "https://a&b.example/",
    "https://{host}/",
    "https://$host/",
    "https://a,b.example/",
    'https://"a".example/',
    "https://exa\u202emple.com/",
    "https://exa\ud7ffmple.com:x/",
    "https://example.com:x/",
    "https://example.com:99999/",
    "https://example.com:-1/",
    "https://1.2.3.4.5/",
    "https://256.0.0.1/",
    "https://0x/a:b",
    "https://user@",
    "https://user@:80/",
    "https:&#x2F;&#x2F;a.example",
    "https://\ud800%41.example/",
    "https://a\udfff.example/",
]


@pytest.mark.parametrize(("url", "host"), KEPT.items())
def test_a_referrer_is_the_host_that_a_browser_would_ask(url: str, host: str) -> None:
    assert referrer_host(url) == host


@pytest.mark.parametrize("url", REFUSED)
def test_what_names_no_host_is_no_referrer(url: str) -> None:
    assert referrer_host(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://" + "a." * 5_000 + "example",
        "https://" + "a" * 5_000,
        "https://" + "ü" * 5_000,
        "https://xn--" + "a" * 2_000,
        "%25" * 1_000 + "3a",
        "https" + "%25" * 600 + "3A//a.example",
        "https:" + "/" * 5_000,
        "a:" * 1_000,
        "@" * 2_000,
        "//[" * 700,
    ],
)
def test_a_long_referrer_is_read_as_far_as_it_may_be(url: str) -> None:
    assert len(referrer_host(url) or "") <= MAX_HOST_CHARS


@settings(max_examples=300)
@given(
    st.text(max_size=60),
    st.sampled_from(["https://", "", "//", "https%3A%2F%2F", "android-app://"]),
)
def test_a_host_is_one_spelling_and_holds_nothing_of_a_path(text: str, begin: str) -> None:
    host = referrer_host(begin + text)

    if host is not None and "://" not in host:
        assert not set(host) & set("/\\?#@% \t\r\n&<>")
        assert host == host.lower() or not host.isascii()
        assert referrer_host(f"https://{host}/") in (host, host.removeprefix("www."))


def test_what_is_long_is_read_and_not_kept() -> None:
    for number in range(100):
        name = f"{number}.example"
        assert referrer_host(f"https://{name}/{'x' * 8_000}") == name
        assert referrer_host(f"https://{'x' * 1_000}@{name}/") == name

    assert max(map(len, [*referrers._hosts, *hosts._authorities])) <= 512
