"""How a shared page looks, as its address says it: for a frame in somebody else's page."""

import re
from dataclasses import dataclass

from django.http import QueryDict

THEMES = ("light", "dark", "auto")
TRANSPARENT = "transparent"
MAX_TOLD_CHARS = 40
_COLOUR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


@dataclass(frozen=True, slots=True)
class Looks:
    """`language` is that of the names of countries and languages; `background` is a colour
    (`#ffffff`), `transparent`, or as the theme has it. `kept` is what of it every address hands on.
    """

    theme: str = ""
    language: str = ""
    background: str = ""
    is_bare: bool = False
    kept: tuple[tuple[str, str], ...] = ()
    wrong: tuple[str, ...] = ()


def read_looks(given: QueryDict) -> Looks:
    """What is wrong in it is left out, and named."""
    wrong: list[str] = []

    def read(name: str, is_right: bool, what: str) -> str:
        text = given.get(name, "")
        if text and not is_right:
            wrong.append(f"{name}={text[:MAX_TOLD_CHARS]} is {what}.")
        return text if is_right else ""

    theme = read("theme", given.get("theme") in THEMES, f"none of {', '.join(THEMES)}")
    language = read("lang", bool(_LANGUAGE.fullmatch(given.get("lang", ""))), "no language")
    colour = _COLOUR.fullmatch(given.get("background", ""))
    is_known = bool(colour) or given.get("background") == TRANSPARENT
    background = read("background", is_known, f"no colour like ffffff, and not {TRANSPARENT}")
    bare = read("bare", given.get("bare") == "1", "not 1")
    values = {"theme": theme, "lang": language, "background": background, "bare": bare}
    return Looks(
        theme="" if theme == "auto" else theme,
        language=language,
        background=f"#{colour[1]}" if colour else background,
        is_bare=bool(bare),
        kept=tuple((name, value) for name, value in values.items() if value),
        wrong=tuple(wrong),
    )
