"""Names of browsers, systems and devices of other tools, as this service has them.

A name that is none of these stays as it is.
"""

import re
from typing import Final

_BROWSERS: Final[dict[str, str | None]] = {
    "android": "Android",
    "chrome": "Chrome",
    "chromium-webview": "Chrome Mobile WebView",
    "crios": "Chrome Mobile iOS",
    "edge": "Edge",
    "edge-chromium": "Edge",
    "edge-ios": "Edge Mobile",
    "facebook": "Facebook",
    "firefox": "Firefox",
    "fxios": "Firefox iOS",
    "ie": "Internet Explorer",
    "instagram": "Instagram",
    "ios": "Mobile Safari",
    "ios-webview": "Mobile Safari UI/WKWebView",
    "microsoft edge": "Edge",
    "opera": "Opera",
    "opera-mini": "Opera Mini",
    "safari": "Safari",
    "samsung": "Samsung Internet",
    "samsung browser": "Samsung Internet",
    "silk": "Amazon Silk",
    "yandexbrowser": "Yandex Browser",
    "(unknown)": None,
    "unknown": None,
}
_SYSTEMS: Final[dict[str, str | None]] = {
    "android os": "Android",
    "chrome os": "Chrome OS",
    "gnu/linux": "Linux",
    "mac": "Mac OS X",
    "mac os": "Mac OS X",
    "macos": "Mac OS X",
    "(unknown)": None,
    "unknown": None,
}
_DEVICES: Final[dict[str, str | None]] = {
    "desktop": "desktop",
    "laptop": "desktop",
    "mobile": "mobile",
    "tablet": "tablet",
    "tv": "tv",
    "console": "console",
}
_VERSIONED: Final = re.compile(r"(.*?\S) +([0-9][0-9A-Za-z._]*)")


def name_browser(text: str | None) -> str | None:
    return _BROWSERS.get(text.lower(), text) if text else None


def name_system(text: str | None) -> str | None:
    return _SYSTEMS.get(text.lower(), text) if text else None


def name_device(text: str | None) -> str | None:
    """Desktop, mobile, tablet, tv or console; None for anything else."""
    return _DEVICES.get(text.lower()) if text else None


def split_version(text: str | None) -> tuple[str | None, str | None]:
    """`Firefox 78.0` as its name and its version."""
    match = _VERSIONED.fullmatch(text) if text else None
    return (match[1], match[2]) if match else (text, None)


def browser_version(version: str | None) -> str | None:
    """The major number, by which this service knows a browser."""
    return version.partition(".")[0] or None if version else None


def system_version(version: str | None) -> str | None:
    """The major number; of macOS 10 and Windows 8 with the minor one."""
    if not version:
        return None
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    return f"{major}.{minor}" if major in ("10", "8") and minor not in ("", "0") else major or None
