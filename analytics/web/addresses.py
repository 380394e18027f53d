"""The address of a request as it was sent, of which Django shows a decoded copy."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from django.urls import register_converter
from django.urls.converters import PathConverter


class Rest(PathConverter):
    """All that follows in a path, also line breaks, at which Django's own stops to match.

    It is an id that a client made, and its view says what is wrong with it.
    """

    regex = "(?s:.+)"


register_converter(Rest, "rest")


def read_sent_path(meta: Mapping[str, Any]) -> str:
    """The path, still percent-encoded; gunicorn hands it over, a test client does not."""
    return str(meta.get("RAW_URI", "")).partition("?")[0]


def is_path_utf8(meta: Mapping[str, Any]) -> bool:
    """Whether what the path spells is text: Django makes text of anything."""
    try:
        unquote_to_bytes(read_sent_path(meta).encode("latin-1")).decode()
    except UnicodeError:
        return False
    return True
