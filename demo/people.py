"""Who comes to the shop, from where, and by what: every table is of values and their weights."""

from typing import Final, NamedTuple

Weights = tuple[tuple[str, float], ...]


class Country(NamedTuple):
    """`networks` are first bytes of addresses that registries give to its providers."""

    networks: tuple[str, ...]
    language: str
    weight: float


class Device(NamedTuple):
    user_agent: str
    screen: str
    weight: float


class Campaign(NamedTuple):
    query: str
    weight: float


COUNTRIES: Final = (
    Country(("91.10", "91.34", "91.55"), "de-DE", 26),
    Country(("73.5", "73.92", "73.180"), "en-US", 21),
    Country(("86.130", "86.150"), "en-GB", 11),
    Country(("90.3", "90.60"), "fr-FR", 9),
    Country(("84.85",), "nl-NL", 6),
    Country(("91.113",), "de-AT", 5),
    Country(("85.1",), "de-CH", 5),
    Country(("83.40",), "es-ES", 4),
    Country(("79.20",), "it-IT", 4),
    Country(("83.5",), "pl-PL", 3),
    Country(("81.230",), "sv-SE", 3),
    Country(("70.26",), "en-CA", 3),
    Country(("126.5",), "ja-JP", 2),
    Country(("177.40",), "pt-BR", 2),
    Country(("117.200",), "en-IN", 2),
    Country(("1.122",), "en-AU", 1),
)

_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)"
_ANDROID = "Mozilla/5.0 (Linux; Android 10; K)"
_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0"

DEVICES: Final = (
    Device(f"{_WINDOWS} {_CHROME.format(141)} Safari/537.36", "1920x1080", 20),
    Device(f"{_WINDOWS} {_CHROME.format(140)} Safari/537.36", "1536x864", 6),
    Device(f"{_WINDOWS} {_CHROME.format(141)} Safari/537.36 Edg/141.0.0.0", "1920x1080", 6),
    Device(f"{_WINDOWS[:-1]}; rv:144.0) Gecko/20100101 Firefox/144.0", "1920x1080", 5),
    Device(f"{_MAC} {_CHROME.format(141)} Safari/537.36", "1512x982", 9),
    Device(
        f"{_MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
        "1440x900",
        8,
    ),
    Device(
        "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", "2560x1440", 3
    ),
    Device(
        f"{_IPHONE} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 "
        "Safari/604.1",
        "393x852",
        24,
    ),
    Device(f"{_ANDROID} {_CHROME.format(141)} Mobile Safari/537.36", "412x915", 18),
    Device(
        f"{_ANDROID} AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 "
        "Chrome/130.0.0.0 Mobile Safari/537.36",
        "384x832",
        4,
    ),
)

REFERRERS: Final[Weights] = (
    ("", 34),
    ("https://www.google.com/", 27),
    ("https://www.bing.com/", 4),
    ("https://duckduckgo.com/", 4),
    ("https://www.instagram.com/", 6),
    ("https://www.youtube.com/", 4),
    ("https://www.reddit.com/r/tea/comments/1f0o8xk/first_flush/", 4),
    ("https://news.ycombinator.com/", 3),
    ("https://chatgpt.com/", 4),
    ("https://www.perplexity.ai/", 1),
    ("https://teaguide.example/best-green-teas", 4),
    ("https://kitchenletter.example/issues/214", 2),
    ("android-app://com.google.android.gm/", 1),
)

CAMPAIGNS: Final = (
    Campaign("utm_source=newsletter&utm_medium=email&utm_campaign=autumn-harvest", 5),
    Campaign("utm_source=newsletter&utm_medium=email&utm_campaign=welcome", 2),
    Campaign("utm_source=google&utm_medium=cpc&utm_campaign=green-tea&gclid=demo", 4),
    Campaign("utm_source=instagram&utm_medium=paid_social&utm_campaign=matcha-week", 3),
    Campaign("", 86),
)

CRAWLERS: Final[Weights] = (
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 9),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", 5),
    (
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; "
        "+https://openai.com/gptbot)",
        6,
    ),
    ("Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)", 4),
    ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", 3),
    ("python-requests/2.32.3", 2),
)
