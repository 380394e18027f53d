"""What a user agent tells: the browser and the system by names people know, the class of device."""

import re
from functools import cache, lru_cache
from typing import Final

from ua_parser import Domain
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

# What an app talks to its server with: a person may be behind it, but no browser is.
_LIBRARIES = re.compile(r"^(?:dalvik|okhttp|dart|ktor|alamofire|cronet|volley)", re.I)


@cache
def _resolver() -> Resolver:
    return Resolver(load_builtins())


@lru_cache(maxsize=2_048)
def parse_user_agent(text: str) -> Client:
    """Browser, system and device class, each None where nothing tells it.

    A crawler's browser is the name it gives itself.
    """
    found = _resolver()(text, Domain.USER_AGENT | Domain.OS)
    system = found.os.family if found.os else ""
    os = _SYSTEMS.get(system, clean_name(system))
    if is_crawler(text):
        return name_crawler(text), os, BOT
    device = classify_device(text, os)
    if found.user_agent is None or _LIBRARIES.search(text):
        return None, os, device
    family = found.user_agent.family.replace("%20", " ")
    if _reads_like_crawler(family):  # the model of a phone
        browser = _resolver()(leave_out_device(text), Domain.USER_AGENT).user_agent
        family = browser.family if browser else ""
    return _BROWSERS.get(family, clean_name(family)), os, device


_reads_like_crawler = lru_cache(maxsize=256)(is_crawler)
