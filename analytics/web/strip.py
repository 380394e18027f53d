"""The tracker as it is served: its source without comments, blank lines and indentation.

Line by line, and nothing else: what a line says is left as it is, so the script behaves as its
source. For that the source keeps to what can be told apart so (a comment has lines of its own, no
text goes on in the next line), and what does not is refused.
"""

_COMMENT = "//"
_REFUSED = {"`": "a template string", "/*": "a comment within a line", "\\\n": "a continued line"}


def strip_script(source: str) -> str:
    """`source`, each line without what is around it. Raises ValueError."""
    lines = (line.strip() for line in source.splitlines())
    script = "".join(f"{line}\n" for line in lines if line and not line.startswith(_COMMENT))
    for text, name in _REFUSED.items():
        if text in script:
            raise ValueError(f"The script holds {name}, which cannot be stripped line by line.")
    return script
