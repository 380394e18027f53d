"""Which campaign brought somebody: the five utm parameters, however they are spelled."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from analytics.events.marks import compose

MAX_CAMPAIGN_CHARS: Final = 256


class Campaign(NamedTuple):
    """What a link says of itself, each trimmed and in lower case."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    term: str | None = None
    content: str | None = None


NO_CAMPAIGN: Final = Campaign()

_KINDS: Final = Campaign._fields


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
    r"[?&#;!]utm(?:_|%5f)(source|medium|campaign|term|content)(?:=|%3d)"
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
    if not named:
        return query
    return Campaign(
        *(
            next(
                filter(None, (tidy_value(properties[name]) for name in names if name in named)),
                found,
            )
            for names, found in zip(_SPELLINGS, query, strict=True)
        )
    )


def read_path(path: str) -> Campaign:
    """The campaign that the query or the fragment of `path` names; what comes first counts.

    `path` may be a whole address as well.
    """
    if "utm" not in path.lower():
        return NO_CAMPAIGN
    found: dict[str, str] = {}
    for text in (path, mend_delimiters(path)):
        for kind, value in _PARAMETER.findall(text):
            if tidy := tidy_value(_unescape(value)):
                found.setdefault(kind.lower(), tidy)
        if found:
            break
    return Campaign(**found) if found else NO_CAMPAIGN


def mend_delimiters(text: str) -> str:
    """`text` with `?`, `&` and `#` that are escaped as `&`: the link was escaped once too often."""
    return _DELIMITER_ESCAPED.sub("&", text)


def tidy_value(value: object) -> str | None:
    """Trimmed and in lower case, so that one campaign is one row; None for no text."""
    if not isinstance(value, str):
        return None
    return compose(value).strip().lower()[:MAX_CAMPAIGN_CHARS].rstrip() or None


def _unescape(value: str) -> str:
    """What is not UTF-8 is latin-1, as links of old mail programs have it."""
    data = unquote_to_bytes(value.replace("+", " ").encode("utf-8", "replace"))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
