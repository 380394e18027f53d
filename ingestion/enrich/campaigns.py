"""Which campaign brought somebody: utm_source, utm_medium and utm_campaign, however spelled."""

import re
from collections.abc import Mapping
from typing import Final
from unicodedata import normalize
from urllib.parse import unquote_to_bytes

MAX_CAMPAIGN_CHARS: Final = 256

Campaign = tuple[str | None, str | None, str | None]
"""Source, medium and campaign."""

NO_CAMPAIGN: Final[Campaign] = (None, None, None)

_KINDS: Final = ("source", "medium", "campaign")


def _spell(kind: str) -> tuple[str, ...]:
    """The properties that name `kind`, as people spell it; the first that has a value counts."""
    title = kind.title()
    return (
        f"utm_{kind}",
        f"utm{title}",
        f"UTM_{kind.upper()}",
        f"UTM_{kind}",
        f"UTM_{title}",
        f"Utm_{title}",
        f"Utm_{kind}",
        f"utm_{title}",
        f"Utm{title}",
        f"UTM{title}",
        f"utm{kind}",
        f"UTM{kind.upper()}",
        f"utm-{kind}",
    )


_SPELLINGS: Final = tuple(map(_spell, _KINDS))
_PROPERTIES: Final = frozenset(name for names in _SPELLINGS for name in names)

# A parameter begins wherever someone may have meant one to: after `?`, also a second one, `&` and
# the end of `&amp;`, in the fragment, and without any `?` before it.
_PARAMETER: Final = re.compile(
    r"[?&#;!]utm(?:_|%5f)(source|medium|campaign)(?:=|%3d)"
    r"((?:(?!;utm)[^?&#])*)",
    re.IGNORECASE,
)
_DELIMITER_ESCAPED: Final = re.compile(r"%(?:25)?(?:3f|26|23)", re.IGNORECASE)


def names_campaign(properties: Mapping[str, object]) -> bool:
    """Whether one of `properties` is of a campaign."""
    return not _PROPERTIES.isdisjoint(properties)


def find_campaign(query: Campaign, properties: Mapping[str, object]) -> Campaign:
    """The campaign of an event: its properties go before what its path holds, `query`."""
    named = _PROPERTIES.intersection(properties)
    source, medium, campaign = (
        next(filter(None, (tidy_value(properties[name]) for name in names if name in named)), found)
        for names, found in zip(_SPELLINGS, query, strict=True)
    )
    return source, medium, campaign


def read_path(path: str) -> Campaign:
    """The campaign that the query or the fragment of `path` names; what comes first counts."""
    if "utm" not in path.lower():
        return NO_CAMPAIGN
    found: dict[str, str] = {}
    # Where `?` or `&` themselves are escaped, the link was escaped once too often.
    for text in (path, _DELIMITER_ESCAPED.sub("&", path)):
        for kind, value in _PARAMETER.findall(text):
            if tidy := tidy_value(_unescape(value)):
                found.setdefault(kind.lower(), tidy)
        if found:
            break
    return found.get("source"), found.get("medium"), found.get("campaign")


def tidy_value(value: object) -> str | None:
    """Trimmed and in lower case, so that one campaign is one row; None for no text."""
    if not isinstance(value, str):
        return None
    if not value.isascii():
        value = normalize("NFC", value)
    return value.strip().lower()[:MAX_CAMPAIGN_CHARS].rstrip() or None


def _unescape(value: str) -> str:
    """What is not UTF-8 is latin-1, as links of old mail programs have it."""
    data = unquote_to_bytes(value.replace("+", " "))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
