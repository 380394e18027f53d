"""How a file is read where it does not tell by itself."""

from typing import Final, Literal, get_args

import msgspec

Encoding = Literal["auto", "utf-8", "utf-16", "latin-1", "cp1252"]
ENCODINGS: Final[tuple[Encoding, ...]] = get_args(Encoding)
"""`auto`: UTF-8, or what the file's mark says; the others only where they are asked for."""


SourceName = Literal["own", "csv", "jsonl", "access-log", "umami", "goatcounter", "plausible"]
SOURCES: Final[tuple[SourceName, ...]] = get_args(SourceName)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    encoding: Encoding = "auto"
    site: str | None = None
    """Umami, Plausible: the id of the one website whose rows are taken, of a file with several."""
    hostname: str | None = None
    """Of rows that name none."""
    spreadsheet: bool = False
    """Of our own CSV: it was written with `--spreadsheet`, so cells are to be unescaped."""
