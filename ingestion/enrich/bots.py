"""What tells that an event is no person's: the name of the bot, or the reason.

`ingestion/store/document.py` decides by it.
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from ingestion.enrich.crawlers import is_crawler, name_crawler, read_own_list

HEADLESS: Final = "headless"
LIBRARY: Final = "library"
EMPTY: Final = "empty user agent"
UNNAMED: Final = "unnamed crawler"
REFERRER_SPAM: Final = "referrer spam"
AUTOMATION: Final = "automation"  # the browser says that it is driven
OTHER_HOSTNAME: Final = "other hostname"  # than those that the project lists

SPAM_LISTS: Final = tuple(
    Path(__file__).with_name("lists") / name for name in ("spam.toml", "more_spam.toml")
)

_NOTHING: Final = ("", "-")
_HOUSES_MANY: Final = ("github.com", "gitlab.com")
_WORDS = re.compile(r"([\s;,()]+)")
_DOMAIN = re.compile(r"(?<![\w@.-])(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24}(?![\w-])", re.IGNORECASE)


def judge_user_agent(text: str | None) -> str | None:
    """The crawler whose user agent this is, or why no person has it; None for a person's.

    A crawler that says nothing but an address has its domain.
    """
    if text is None or text.strip() in _NOTHING:
        return EMPTY
    if not is_crawler(text):
        return None
    if _drivers().search(text):
        text = _leave_out_drivers(text)
        if not is_crawler(text):
            return HEADLESS
    name = name_crawler(text)
    if name is None:
        return _find_domain(text) or UNNAMED
    return LIBRARY if name.lower() in _libraries() else name


def learn_bots() -> None:
    """Read the lists, before the first event needs them."""
    is_crawler("")
    for learn in (_drivers, _libraries, _image_proxies, _spammers):
        learn()


def _leave_out_drivers(text: str) -> str:
    """`text` without the words that name what drives a browser."""
    drivers = _drivers()
    return "".join(word for word in _WORDS.split(text) if not drivers.search(word))


def _find_domain(text: str) -> str | None:
    domains = (domain.lower().removeprefix("www.") for domain in _DOMAIN.findall(text))
    return next((domain for domain in domains if domain not in _HOUSES_MANY), None)


def is_image_proxy(text: str) -> bool:
    """Whether this fetches the pictures of a letter that a person has opened.

    On a pixel it is no bot's, so it is told apart from the other programs.
    """
    return _image_proxies().search(text) is not None


def is_spam(referrer_host: str | None) -> bool:
    """Whether the host, or what it is a part of, sends false referrers to be looked up."""
    if referrer_host is None:
        return False
    hosts, families = _spammers()
    rest = referrer_host
    while "." in rest:
        if rest in hosts or families.fullmatch(rest):
            return True
        rest = rest.partition(".")[2]
    return False


@cache
def _drivers() -> re.Pattern[str]:
    return re.compile("|".join(read_own_list()["drivers"]), re.IGNORECASE)


@cache
def _libraries() -> frozenset[str]:
    return frozenset(read_own_list()["libraries"])


@cache
def _image_proxies() -> re.Pattern[str]:
    return re.compile("|".join(read_own_list()["image_proxies"]), re.IGNORECASE)


@cache
def _spammers() -> tuple[frozenset[str], re.Pattern[str]]:
    """Hosts, and the families that others are of."""
    own, more = (tomllib.loads(path.read_text()) for path in SPAM_LISTS)
    hosts = (frozenset(more["hosts"]) - frozenset(own["left_out"])) | frozenset(own["hosts"])
    return hosts, re.compile("|".join(own["patterns"]))
