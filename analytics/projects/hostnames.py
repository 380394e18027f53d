"""Hostnames in one spelling: lower case, Unicode, without port and last dot; `www.` is kept."""

import re

from django.core.exceptions import ValidationError

MAX_HOSTNAME_CHARS = 256
_REFUSED = re.compile(r"[\x00-,/:-@\[-^`{-\x7f\s]")


def validate_hostname(text: str) -> None:
    """Raises ValidationError for what is no hostname in the spelling that events are given."""
    labels = text.split(".")
    if text != text.lower() or not all(labels) or _REFUSED.search(text) or "xn--" in text:
        raise ValidationError(
            f"{text} is not a hostname: write www.example.com, in lower case, no port, no address."
        )
