"""Names that others gave, made safe to stand in a line of text."""

import unicodedata

MAX_CHARS = 200
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def one_line(text: str, most: int = MAX_CHARS) -> str:
    """Without line ends, control characters and those that turn the direction of what follows."""
    shown = "".join(" " if _breaks(char) else char for char in text if not _is_hidden(char))
    shown = " ".join(shown.split())
    return shown if len(shown) <= most else shown[: most - 1] + ELLIPSIS


def _breaks(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Zl", "Zp")


def _is_hidden(char: str) -> bool:
    """Formats, but for those that join letters and parts of pictures; and halves of pairs."""
    return unicodedata.category(char) in ("Cf", "Cs") and char not in "\u200c\u200d"
