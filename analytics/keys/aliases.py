"""Names that clients of other vendors send in the place of a key, and the one spelling of each.

Whoever knows one can send, so an alias may do what a public key may.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from uuid import UUID

from analytics.bounded_cache import Kept
from analytics.events.hosts import read_hostname

MAX_ALIAS_CHARS = 256


class AliasKind(NamedTuple):
    """`spell` gives the one spelling of a value, None for what is none."""

    spell: Callable[[str], str | None]
    example: str


def _spell_uuid(text: str) -> str | None:
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return None


def _spell_number(text: str) -> str | None:
    text = text.strip()
    return str(int(text)) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _spell_name(text: str) -> str | None:
    text = text.strip()
    return text if text and text.isprintable() else None


ALIAS_KINDS: Mapping[str, AliasKind] = {
    "plausible": AliasKind(read_hostname, "example.com"),
    "umami": AliasKind(_spell_uuid, "7e3c1b9a-52d4-4c0f-9a31-0d5c8f6b2e17"),
    "matomo": AliasKind(_spell_number, "1"),
    "snowplow": AliasKind(_spell_name, "shop-web"),
}


def spell_alias(kind: str, value: str) -> str | None:
    """The one spelling of what clients of a kind send; None for what no alias can be."""
    return _spellings[kind, value]


def _spell(alias: tuple[str, str]) -> str | None:
    kind, value = alias
    return ALIAS_KINDS[kind].spell(value) if len(value) <= MAX_ALIAS_CHARS else None


_spellings = Kept(_spell, 10_000)
