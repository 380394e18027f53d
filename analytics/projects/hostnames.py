"""Hostnames in one spelling: lower case, Unicode, without port and last dot; `www.` is kept."""

import re
from urllib.parse import urlsplit

import idna
from django.core.exceptions import ValidationError

MAX_HOSTNAME_CHARS = 256
_PUNYCODE = "xn--"
_REFUSED = re.compile(r"[\x00-,/:-@\[-^`{-\x7f\s]")
_WITH_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)


def spell_hostname(text: str) -> str:
    """The hostname that `text` is or, as an address or with a port, has, in the one spelling.

    Raises ValidationError where it has none.
    """
    text = text.strip()
    try:
        address = urlsplit(text if _WITH_SCHEME.match(text) else f"//{text}")
        _ = address.port  # which raises where it is none
        host = idna.uts46_remap(address.hostname or "", std3_rules=False)
    except ValueError:  # also what idna raises
        raise _refusal(text) from None
    host = ".".join(map(_show_label, host.removesuffix(".").split(".")))
    if not is_spelled(host):
        raise _refusal(text)
    return host


def validate_hostname(text: str) -> None:
    """Raises ValidationError for what is no hostname in the spelling that events are given."""
    if not is_spelled(text):
        raise _refusal(text)


def is_spelled(text: str) -> bool:
    """Whether `text` is a hostname in the one spelling."""
    return (
        all(text.split("."))
        and text == text.lower()
        and not _REFUSED.search(text)
        and _PUNYCODE not in text
    )


def _show_label(label: str) -> str:
    if not label.startswith(_PUNYCODE):
        return label
    try:
        return label.removeprefix(_PUNYCODE).encode().decode("punycode")
    except UnicodeError:
        return label


def _refusal(text: str) -> ValidationError:
    return ValidationError(f"{text} is not a hostname: write www.example.com.")
