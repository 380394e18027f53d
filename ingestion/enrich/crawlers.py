"""Which user agents are programs, and what they call themselves."""

import json
import re
import tomllib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from ua_parser_rs import UserAgentExtractor

LIST: Final = Path(__file__).with_name("crawlers.toml")

# What a person's user agent may hold that reads like a crawler's: the model of a phone, its maker,
# a browser of old, the address of a component of Internet Explorer.
_DEVICE = re.compile(r"\((?:linux|android);(?:[^()]|\([^()]*\))*\)", re.IGNORECASE)
_HARMLESS = re.compile(r"cubot|konqueror/|http://(?:www\.)?bsalsa\.com/?", re.IGNORECASE)
_HARMLESS_PARTS = ("cubot", "konqueror", "bsalsa")
_ADDRESS = re.compile(
    r"\+?(?:https?:/|www\.)[^\s;,)>]*|[^\s;,()<>@]{1,64}@[^\s;,()<>]+", re.IGNORECASE
)

_NAME = re.compile(r"(?=.*[^\W\d_])[^\W_][\w .!&'-]{1,39}")
_DOMAIN = re.compile(r"\.[a-z]{2,}$")
_PRODUCT = re.compile(r"(?<![\w./-])([A-Za-z][\w.!-]{1,39})/v?\d")
_ENGINES = frozenset((
    "Mozilla", "AppleWebKit", "Chrome", "Chromium", "Safari", "Gecko", "Firefox", "Version",
    "Build", "Mobile", "Edg", "OPR", "Trident", "Presto", "KHTML", "Android", "Linux", "iOS",
    "iPhone", "Darwin", "CFNetwork",
))  # fmt: skip
_ALL_CALL_THEMSELVES = re.compile(
    r"(?:web|ro)?(?:bots?|crawl(?:er)?|spider|scraper|fetcher|monitor|parser|scanner|checker)",
    re.IGNORECASE,
)
_VERSION = re.compile(r"^[\d.]+ |[-_ ]v?\d+\..*")


@cache
def read_own_list() -> dict[str, Any]:
    """What crawlers.toml says."""
    return tomllib.loads(LIST.read_text())


@cache
def _extractor() -> UserAgentExtractor:
    """Finds the first pattern that hits, and the word around it."""
    own = read_own_list()
    package = find_spec("crawleruseragents")  # not imported: it would keep all of it as objects
    assert package and package.origin
    listed = Path(package.origin).with_name("crawler-user-agents.json").read_bytes()
    left_out = frozenset(own["left_out"])
    patterns = [
        pattern for crawler in json.loads(listed) if (pattern := crawler["pattern"]) not in left_out
    ]
    patterns += [f"(?i:{word})" for word in own["words"]] + own["patterns"]
    return UserAgentExtractor(
        (rf"([A-Za-z0-9_.!-]*(?:{pattern})[A-Za-z0-9_.!-]*)", None, None, None, None, None)
        for pattern in patterns
    )


def is_crawler(text: str) -> bool:
    """Whether `text` is no person's: a crawler, a tool, a library, a browser that is driven."""
    return _extractor().extract(leave_out_device(text)) is not None


def name_crawler(text: str) -> str | None:
    """The name that a crawler's user agent gives, or None: never a piece of its address."""
    text = _ADDRESS.sub(" ", leave_out_device(text))
    found = _extractor().extract(text)
    name = clean_name(_VERSION.sub("", found.family.split("/")[0])) if found else None
    if name and name not in _ENGINES:
        if not _ALL_CALL_THEMSELVES.fullmatch(name):
            return name
        before = re.search(rf"((?:[A-Za-z][\w!&-]{{0,38}} ){{1,3}}){re.escape(name)}", text)
        if before and (longer := clean_name(before[0])):
            return longer
    products = [name for name in _PRODUCT.findall(text) if name not in _ENGINES]
    return clean_name(products[-1]) if products else None


def clean_name(text: str) -> str | None:
    """`text` as a name that a person would know, or None."""
    name = text.strip(" /;:,()[]^-_.")
    return name if _NAME.fullmatch(name) and not _DOMAIN.search(name) else None


def leave_out_device(text: str) -> str:
    """`text` without what names a phone or its maker."""
    device = _DEVICE.search(text)
    if device and "compatible" not in device[0] and "-Google" not in device[0]:
        text = text[: device.start()] + text[device.end() :]
    lower = text.lower()
    if any(part in lower for part in _HARMLESS_PARTS):
        return _HARMLESS.sub("", text)
    return text
