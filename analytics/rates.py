"""Rates in settings: a count, and the period that it is for."""

import re
from functools import cache

from django.core.exceptions import ImproperlyConfigured

_PERIOD_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_RATE = re.compile(r"([0-9]{1,9})/([smhd])", re.ASCII)


@cache
def parse_rate(name: str, text: str) -> tuple[int, int]:
    """`600/m` as (600, 60). Raises ImproperlyConfigured with the setting's name."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ImproperlyConfigured(f"{name} must be like 600/m (or s, h, d), not {text!r}")
    return int(match[1]), _PERIOD_SECONDS[match[2]]
