"""What a user agent tells: browser and system by names people know, versions, class of device."""

import re
from functools import cache, lru_cache
from typing import Final, NamedTuple

from ua_parser import OS, Domain, UserAgent
from ua_parser.loaders import load_builtins
from ua_parser.regex import Resolver

from analytics.rollups import Client
from ingestion.enrich.crawlers import clean_name, is_crawler, leave_out_device, name_crawler
from ingestion.enrich.devices import BOT, classify_device

_BROWSERS: Final[dict[str, str | None]] = {
    "IE": "Internet Explorer",
    "IE Mobile": "Internet Explorer Mobile",
    "CFNetwork": None,
    "Mobile Safari UI/WKWebView": "Mobile Safari UI/WKWebView",
}
_SYSTEMS: Final[dict[str, str | None]] = {"ATV OS X": "tvOS", "Web0S": "webOS", "Other": None}

# Of these people know the minor number as well.
_WITH_MINOR: Final = {"Mac OS X": ("10",), "Windows": ("8",), "Windows Phone": ("7", "8")}

# What an app talks to its server with: a person may be behind it, but no browser is.
_LIBRARIES = re.compile(r"^(?:dalvik|okhttp|dart|ktor|alamofire|cronet|volley)", re.I)

# Since 26 Safari says that it runs on iOS 18; it has the number of its system.
_FROZEN_IOS = re.compile(r" OS 18_.* Version/(2[6-9]|[3-9][0-9])\.")

_VERSION = re.compile(r"[\w.]{1,16}", re.ASCII)


class Agent(NamedTuple):
    """What a user agent tells, each None where nothing tells it.

    Versions are the major number, of macOS 10 and Windows 8 with the minor one: `10.15`, `8.1`.
    """

    browser: str | None
    browser_version: str | None
    os: str | None
    os_version: str | None
    device: str | None

    @property
    def client(self) -> Client:
        """What the rollups count: browser, system and device."""
        return self.browser, self.os, self.device


@cache
def _resolver() -> Resolver:
    """Without the devices, which nobody asks it for: their patterns are half of its memory."""
    agents, systems, _ = load_builtins()
    return Resolver((agents, systems, []))


@lru_cache(maxsize=2_048)
def parse_user_agent(text: str) -> Agent:
    """Browser, system and device class, and the versions of the first two.

    A crawler's browser is the name it gives itself.
    """
    found = _resolver()(text, Domain.USER_AGENT | Domain.OS)
    os, os_version = _name_system(found.os)
    if is_crawler(text):
        return Agent(name_crawler(text), None, os, os_version, BOT)
    device = classify_device(text, os)
    browser = found.user_agent
    if browser is None or _LIBRARIES.search(text):
        return Agent(None, None, os, os_version, device)
    if _reads_like_crawler(browser.family.replace("%20", " ")):  # the model of a phone
        browser = _resolver()(leave_out_device(text), Domain.USER_AGENT).user_agent
    name, version = _name_browser(browser)
    if os == "iOS" and (frozen := _FROZEN_IOS.search(text)):
        os_version = frozen[1]
    return Agent(name, version, os, os_version, device)


def _name_browser(browser: UserAgent | None) -> tuple[str | None, str | None]:
    if browser is None:
        return None, None
    family = browser.family.replace("%20", " ")
    name = _BROWSERS.get(family, clean_name(family))
    return name, _clean_version(browser.major) if name else None


def _name_system(system: OS | None) -> tuple[str | None, str | None]:
    if system is None:
        return None, None
    name = _SYSTEMS.get(system.family, clean_name(system.family))
    if name is None:
        return None, None
    major = _clean_version(system.major)
    if major in _WITH_MINOR.get(name, ()) and system.minor:
        return name, _clean_version(f"{major}.{system.minor}")
    return name, major


def _clean_version(version: str | None) -> str | None:
    return version if version and _VERSION.fullmatch(version) else None


_reads_like_crawler = lru_cache(maxsize=256)(is_crawler)
