"""Filters of the templates."""

from functools import cache
from typing import Any

import msgspec
from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static

from analytics.web.static_files import digest_of

register = template.Library()

TAIL_CHARS = 14
MAX_HEAD_CHARS = 300


@register.simple_tag
def asset(path: str) -> str:
    """The address of a file of ours, which is another when the file is."""
    return f"{static(path)}?{_digest(path)}"


@cache
def _digest(path: str) -> str:
    found = finders.find(path)
    if not isinstance(found, str):
        return ""
    with open(found, "rb") as file:
        return digest_of(file.read())


@register.filter
def head_of(text: str) -> str:
    """What of a long text gives way where there is no room."""
    return text[:-TAIL_CHARS][:MAX_HEAD_CHARS]


@register.filter
def tail_of(text: str) -> str:
    """What of it is always seen."""
    return text[-TAIL_CHARS:]


@register.filter
def as_json(value: Any) -> str:
    """For an attribute; the template escapes it."""
    return msgspec.json.encode(value).decode()


@register.filter
def exact(number: int) -> str:
    """A whole number with its thousands told apart."""
    return f"{int(number):,}"


@register.filter
def percent(number: float) -> str:
    """For an attribute of SVG, whatever the language."""
    return f"{number:.3f}%"
