"""Short ids, and names as they stand in an address: `german-readers-7k2p9x4m`."""

import re

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from analytics.keys.key_text import ID_PATTERN, draw_key_id
from analytics.projects.names import normalise_name

MAX_SLUG_CHARS = 40

_REFERENCE = re.compile(rf"(?:.*-)?({ID_PATTERN})", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def draw_id() -> str:
    """Like that of a key."""
    return draw_key_id()


def refer(name: str, saved_id: str) -> str:
    """What an address has of it. The id decides, so it is understood after a rename as well."""
    slug = slugify(name, allow_unicode=True)[:MAX_SLUG_CHARS].strip("-_")
    return f"{slug}-{saved_id}" if slug else saved_id


def read_reference(text: str) -> str | None:
    """The id in what `refer` wrote, whatever the name was then."""
    match = _REFERENCE.fullmatch(text)
    return match and match[1]


def validate_name(name: str) -> None:
    """Raises ValidationError for what nobody could see, or what is no line of text."""
    if _CONTROL.search(name):
        raise ValidationError("Write it in one line, without control characters.")
    if name and not normalise_name(name):
        raise ValidationError("Nothing of this can be seen.")
