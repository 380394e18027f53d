"""How much a regular expression asks for beyond its length: what its repetitions repeat.

RE2 writes `x{50}` out as fifty times x. What it does for each character of a text can grow with
that, and nobody can interrupt it within the texts that the engine looks at together: of 2,048 texts
of 1,000 characters `(.{0,300}x){3}` takes a minute and more.
"""

import re
from typing import Final

MOST_REPEATED: Final = 100
"""Characters and classes that the repetitions of a pattern may come to, written out."""

# One element: an escape, quoted text, a class, the begin of a group, or any other character.
_TOKEN = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|$)|\\[pP]\{[^}]*\}|\\x\{[^}]*\}|\\x..|\\."
    r"|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]"
    r"|(?P<opens>\((?:\?(?:P?<\w+>|[a-zA-Z-]*:|[a-zA-Z-]*(?=\))))?)"
    r"|(?P<closes>\))"
    r"|\{(?P<low>[0-9]+)(?:,(?P<high>[0-9]*))?\}"
    r"|.",
    re.DOTALL,
)


def count_repeated(pattern: str) -> int:
    """What the counted repetitions of a pattern come to, written out; `[0-9a-f]{40}` is 40.

    0 where there are none. Of what is no pattern of RE2 it is some number.
    """
    open_groups = [(0, 0)]  # of what is in each so far: its elements, and those repeated
    last = (0, 0)  # the same, of the latest element
    for token in _TOKEN.finditer(pattern):
        if token["opens"]:
            open_groups.append((0, 0))
            continue
        if token["low"]:
            times, elements = max(int(token["low"]), int(token["high"] or 0)), last[0]
            more = (elements * max(0, times - 1), elements * times - last[1] if times > 1 else 0)
        elif token["closes"]:
            more = open_groups.pop() if len(open_groups) > 1 else (0, 0)
            last = (0, 0)
        else:
            more = (len(token["quoted"]) if token["quoted"] is not None else 1, 0)
            last = (0, 0)
        elements, repeated = open_groups[-1]
        open_groups[-1] = (elements + more[0], repeated + more[1])
        last = (last[0] + more[0], last[1] + more[1])
    return max(repeated for _, repeated in open_groups)
