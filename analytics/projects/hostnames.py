"""A project's own hostnames, spelled as those of events are (`analytics/events/hosts.py`)."""

from django.core.exceptions import ValidationError

from analytics.events.hosts import MAX_HOST_CHARS, read_hostname

MAX_HOSTNAME_CHARS = MAX_HOST_CHARS


def spell_hostname(text: str) -> str:
    """The hostname that `text` is or, as an address or with a port, has, in the one spelling.

    Raises ValidationError where it has none.
    """
    host = read_hostname(text.removeprefix("//"))
    if host is None:
        raise ValidationError(f"{text} is not a hostname: write www.example.com.")
    return host


def validate_hostname(text: str) -> None:
    """Raises ValidationError for what is no hostname in the spelling that events are given."""
    if spell_hostname(text) != text:
        raise ValidationError(f"{text} is not a hostname: write {spell_hostname(text)}.")
