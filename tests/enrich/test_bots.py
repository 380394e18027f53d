"""Which events are no person's: crawlers by their names, the others by the reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events.event import MAX_USER_AGENT_CHARS
from ingestion.enrich.bots import (
    EMPTY,
    HEADLESS,
    LIBRARY,
    UNNAMED,
    is_image_proxy,
    is_spam,
    judge_user_agent,
)

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) {} Safari/537.36"
COMPATIBLE = (
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; {}; +https://a.example)"
)
AI_CRAWLERS = [
    "GPTBot", "ChatGPT-User", "OAI-SearchBot", "ClaudeBot", "Claude-User", "Claude-SearchBot",
    "anthropic-ai", "PerplexityBot", "Perplexity-User", "Google-Extended", "GoogleOther",
    "Google-CloudVertexBot", "Gemini-Deep-Research", "Google-NotebookLM", "Meta-ExternalAgent",
    "Meta-ExternalFetcher", "FacebookBot", "Amazonbot", "Applebot", "Applebot-Extended",
    "Bytespider", "TikTokSpider", "CCBot", "cohere-ai", "cohere-training-data-crawler",
    "DuckAssistBot", "MistralAI-User", "YouBot", "Diffbot", "PetalBot", "Timpibot", "AI2Bot",
    "ImagesiftBot", "Kangaroo Bot", "DeepSeekBot", "PhindBot", "TavilyBot", "FirecrawlAgent",
    "Manus-User",
]  # fmt: skip


@pytest.mark.parametrize("name", AI_CRAWLERS)
def test_a_crawler_of_an_ai_is_named(name: str) -> None:
    assert judge_user_agent(COMPATIBLE.format(f"{name}/1.0")) == name


@pytest.mark.parametrize(
    ("text", "bot"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot"),
        ("facebookexternalhit/1.1", "facebookexternalhit"),
        ("http.rb/5.1.1 (Mastodon/4.2.1; +https://mastodon.social/)", "Mastodon"),
        (CHROME.format("Chrome/137.0.0.0 Mobile") + " Chrome-Lighthouse", "Chrome-Lighthouse"),
        (CHROME.format("HeadlessChrome/137.0.0.0") + " Chrome-Lighthouse", "Chrome-Lighthouse"),
        (CHROME.format("HeadlessChrome/140.0.0.0"), HEADLESS),
        (CHROME.format("PhantomJS/2.1.1"), HEADLESS),
        (CHROME.format("Chrome/140.0.0.0") + " Puppeteer/21.0", HEADLESS),
        (CHROME.format("Chrome/140.0.0.0") + " Playwright/1.40", HEADLESS),
        (CHROME.format("Chrome/140.0.0.0") + " Cypress/13.6.0", HEADLESS),
        ("selenium/4.1.0 (python linux)", HEADLESS),
        ("HeadlessChrome", HEADLESS),
        ("curl/8.7.1", LIBRARY),
        ("Wget/1.21.4", LIBRARY),
        ("python-requests/2.32.3", LIBRARY),
        ("Python/3.11 aiohttp/3.9.1", LIBRARY),
        ("Go-http-client/2.0", LIBRARY),
        ("Apache-HttpClient/4.5.13 (Java/11.0.20)", LIBRARY),
        ("node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", LIBRARY),
        ("node", LIBRARY),
        ("PostmanRuntime/7.36.0", LIBRARY),
        ("Symfony HttpClient (Curl)", LIBRARY),
        ("unirest-java/3.14.5", LIBRARY),
        ("Meta-ExternalAgent/1.1", "Meta-ExternalAgent"),
        ("Scrapy/2.11.0 (+https://scrapy.org)", LIBRARY),
        ("Mozilla/5.0 (compatible; updown.io/2.0; +https://updown.io)", "updown.io"),
        ("Mozilla/5.0 (compatible; +https://www.crawler.example/about)", "crawler.example"),
        ("Mozilla/5.0", UNNAMED),
        ("Mozilla/5.0 (compatible)", UNNAMED),
        ("", EMPTY),
        (" \t", EMPTY),
        ("-", EMPTY),
        (None, EMPTY),
    ],
)
def test_a_bot_has_a_name_or_a_reason(text: str | None, bot: str) -> None:
    assert judge_user_agent(text) == bot


@pytest.mark.parametrize(
    "text",
    [
        CHROME.format("Chrome/142.0.0.0"),
        "Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/125.0.0.0 Mobile Safari/537.36",
        "okhttp/4.12.0",
        "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UP1A.231005.007)",
        "MyApp/3.1 CFNetwork/1494.0.7 Darwin/23.4.0",
        "MyApp/1.0",
    ],
)
def test_a_browser_or_an_app_is_no_bot(text: str) -> None:
    assert judge_user_agent(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        "FastmailUA/1.0",
        "Mozilla/5.0",
    ],
)
def test_a_mail_programs_proxy_of_pictures_is_known_as_one(text: str) -> None:
    assert is_image_proxy(text)
    assert judge_user_agent(text) is not None


@pytest.mark.parametrize(
    "text",
    ["", "Slack-ImgProxy (+https://api.slack.com/robots)", CHROME.format("Chrome/142.0.0.0")],
)
def test_what_fetches_no_letters_pictures_is_no_such_proxy(text: str) -> None:
    assert not is_image_proxy(text)


@pytest.mark.parametrize(
    "host",
    [
        "semalt.com",
        "semalt.semalt.com",
        "buttons-for-website.com",
        "9-best-seo.com",
        "free-social-buttons7.xyz",
        "trafficbot.life",
        "news.grets.store",
        "static.seders.website",
        "ilovevitaly.com",
        "o-o-6-o-o.ru",
    ],
)
def test_a_host_of_the_list_or_below_it_is_spam(host: str) -> None:
    assert is_spam(host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "com",
        "xyz",
        "example.com",
        "google.com",
        "notsemalt.com",
        "semalt.com.example",
        "t.co",
        "uptime.com",
        "android-app://com.slack",
        "[::1]",
        "localhost",
        "best-seo.example",
        "social-democrats.example",
    ],
)
def test_another_host_is_no_spam(host: str | None) -> None:
    assert not is_spam(host)


@settings(max_examples=200)
@given(st.text(max_size=MAX_USER_AGENT_CHARS))
def test_whatever_is_sent_is_judged(text: str) -> None:
    bot = judge_user_agent(text)

    assert bot is None or 0 < len(bot) <= 128
    assert not is_spam(text) or "." in text


@pytest.mark.parametrize("name", ["crawler", "spider", "bot"])
def test_a_word_without_end_is_no_name_and_takes_a_time_for_each_character(name: str) -> None:
    assert judge_user_agent(f"{name}/1.0 {'Xx' * (1 << 17)}") == name
    assert judge_user_agent(f"{'Xx' * (1 << 17)} {name}") == UNNAMED
