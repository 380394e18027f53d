"""What one file may take."""

from typing import Final

import msgspec

_MEBIBYTE: Final = 1024 * 1024


class Limits(msgspec.Struct, frozen=True):
    """Of the child that reads one file, and of what is in the file."""

    memory_bytes: int = 1024 * _MEBIBYTE
    """Of addresses (RLIMIT_AS), so of memory at most. Parquet needs a part of it for the engine."""
    cpu_seconds: int = 4 * 3600
    """RLIMIT_CPU: a minute is some million rows."""
    silent_seconds: float = 120.0
    """Without a row, a progress or an end, while the reader waits for them."""
    open_files: int = 32
    rows: int = 1_000_000_000
    columns: int = 1_000
    row_bytes: int = 1 * _MEBIBYTE
    """Of a line, or of a row of several."""
    depth: int = 16
    """Of JSON."""
    members: int = 1_000
    """Of a zip."""
    unpacked_bytes: int = 200 * 1024 * _MEBIBYTE
    ratio: int = 200
    """Unpacked bytes for each packed one, once RATIO_FROM_BYTES came out."""
    ratio_from_bytes: int = 16 * _MEBIBYTE
    detail_bytes: int = 384 * _MEBIBYTE
    """Of memory for what is looked up beside the events: of Umami its event data."""
