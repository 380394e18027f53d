"""The class of device behind a person's user agent."""

from functools import cache
from typing import Final

from ua_parser_rs import UserAgentExtractor

DESKTOP: Final = "desktop"
MOBILE: Final = "mobile"
TABLET: Final = "tablet"
TV: Final = "tv"
CONSOLE: Final = "console"
BOT: Final = "bot"

_MODELS: Final = (
    (CONSOLE, ("playstation", "nintendo", "xbox")),
    (
        TV,
        (
            "smart-?_?tv",
            "(?:^|[^a-z])tv(?:[^a-z]|$)",
            "(?:apple|google|android|opera|fire|philips) ?tv",
            "hbbtv|bravia|netcast|web0s|ce-html|mibox|tvbox|crkey",
            "(?:^|[^a-z])(?:viera|roku)",
            "[^a-z0-9]aft[a-z]{1,4}[0-9]{0,3}(?:[^a-z0-9]|$)",
        ),
    ),
    (DESKTOP, ("chromebook|pixelbook", "cfnetwork.*(?:x86_64|macintosh)")),
    # A tablet says so, or does not say Mobile (below); of some that do the model tells.
    (
        TABLET,
        (
            "ipad|playbook|touchpad|kindle",
            "tablet",
            "nexus (?:7|9|10)[^0-9]",
            "[^a-z]sm-[tpx][0-9]{3}|[^a-z]gt-[pn][0-9]{4}",
            "[^a-z]tab[^a-z]",
            "(?:media|mate|mi|redmi|one ?plus|honor|oppo|vivo|idea|star)[ _]?pad",
            "[ _]pad[ _]?[0-9]",
            "lenovo (?:tb|yt)|[^a-z]tb-?[a-z0-9]{4}",
            "[^a-z]kf[a-z]{3,4}(?:[^a-z]|$)",
        ),
    ),
    (MOBILE, ("mobi|phone|opera mini|midp|fennec|lumia", "blackberry|symbian|wpdesktop|zunewp")),
)
"""Patterns of Rust's regex, over lower case; the first that hits is right."""


@cache
def _extractor() -> UserAgentExtractor:
    return UserAgentExtractor(
        (pattern, device, None, None, None, None)
        for device, patterns in _MODELS
        for pattern in patterns
    )


def classify_device(text: str, os: str | None) -> str | None:
    """Desktop, mobile, tablet, tv or console; None where nothing tells."""
    lower = text.lower().replace("tablet pc", "")  # Windows says so on any computer
    found = _extractor().extract(lower)
    device = found.family if found else None
    if device == MOBILE and "macintosh" in lower and "mobile/" in lower:
        return TABLET  # an iPad that asks for the pages of a computer
    if device:
        return device
    is_browser = lower.startswith(("mozilla/", "opera/")) or "applewebkit" in lower
    if is_browser and (os == "Android" or "silk/" in lower):
        return TABLET
    if os in ("Android", "iOS"):
        return MOBILE
    return DESKTOP if os or is_browser else None
