"""Texts in NFC, whatever was made of them to cost time."""

from unicodedata import combining, normalize

# More on one character than any language has: Unicode's Stream-Safe Text Format has the number.
MAX_MARKS = 30
# Of no class of their own, and each two marks that have one.
_PAIRS = "\u0f73\u0f75\u0f81"


def compose(text: str) -> str:
    """`text` in NFC, or as it is where marks are heaped: to sort n of them takes n² steps."""
    return text if text.isascii() or heaps_marks(text) else normalize("NFC", text)


def heaps_marks(text: str) -> bool:
    """Whether more than MAX_MARKS combining marks follow one another."""
    marks = 0
    for character in text:
        if combining(character) or character in _PAIRS:
            marks += 1
            if marks > MAX_MARKS:
                return True
        else:
            marks = 0
    return False
