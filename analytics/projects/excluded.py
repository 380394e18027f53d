"""How what a project leaves out is written: addresses and networks, paths, hostnames."""

import ipaddress

from django.core.exceptions import ValidationError

from analytics.events.addresses import parse_ip
from analytics.events.invalid_event import InvalidEvent
from analytics.projects.hostnames import spell_hostname

MAX_NETWORK_CHARS = 43  # of IPv6 with its prefix
_ANY_SUBDOMAIN = "*."


def spell_network(text: str) -> str:
    """An address, or a network as its first address and the length of its prefix.

    Raises ValidationError.
    """
    try:
        if "/" not in text:
            return parse_ip(text)
        return str(ipaddress.ip_network(text, strict=False))
    except (InvalidEvent, ValueError):
        hint = "write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32"
        raise ValidationError(f"{text} is no address and no network: {hint}.") from None


def validate_network(text: str) -> None:
    _require_spelling(text, spell_network(text))


def validate_path(text: str) -> None:
    """Raises ValidationError for what no path of an event is like."""
    if not text.startswith(("/", "*")):
        raise ValidationError(f"{text} is not a path: it begins with / or *.")
    if "?" in text or "#" in text:
        raise ValidationError(f"{text} is not a path: write it without what follows ? or #.")


def spell_host_pattern(text: str) -> str:
    """A hostname in the one spelling, or `*.` and one. Raises ValidationError."""
    if text.startswith(_ANY_SUBDOMAIN):
        return _ANY_SUBDOMAIN + spell_hostname(text.removeprefix(_ANY_SUBDOMAIN))
    return spell_hostname(text)


def validate_host_pattern(text: str) -> None:
    _require_spelling(text, spell_host_pattern(text))


def _require_spelling(text: str, spelled: str) -> None:
    if text != spelled:
        raise ValidationError(f"Write {spelled}, not {text}.")
