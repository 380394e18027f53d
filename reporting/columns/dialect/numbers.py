"""Numbers as JSON spells them, and bounds that integers and doubles are compared with exactly."""

import math
import re

from reporting.questions.language.filter import NUMBER

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def read_number(text: str) -> int | float | None:
    """What a text spells as a JSON number: an integer of 64 bits, or a finite double."""
    if not NUMBER.fullmatch(text):
        return None
    if _INTEGER.fullmatch(text) and INT64_MIN <= int(text) <= INT64_MAX:
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else None


def is_integer(number: int | float) -> bool:
    """Whether an integer of 64 bits equals it."""
    return number == math.floor(number) and INT64_MIN <= number <= INT64_MAX


def bound_integers(number: int | float, *, low: bool) -> int:
    """The integer next to `number`, downwards with `low`, that integers of 64 bits lie beside."""
    bound = math.floor(number) if low else math.ceil(number)
    return min(max(bound, INT64_MIN - 1), INT64_MAX + 1)


def bound_doubles(number: int | float, *, low: bool) -> float:
    """The double next to `number`, downwards with `low`."""
    bound = float(number)
    if low and bound > number:
        return math.nextafter(bound, -math.inf)
    if not low and bound < number:
        return math.nextafter(bound, math.inf)
    return bound
