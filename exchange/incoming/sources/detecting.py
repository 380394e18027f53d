"""Which source a file is of, by its beginning."""

import io
from collections.abc import Sequence

from exchange.formats import COLUMNS
from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.limits import Limits
from exchange.incoming.files.objects import read_object
from exchange.incoming.files.tables import Table
from exchange.incoming.files.text import Lines, TooLong, find_encoding
from exchange.incoming.files.unpacking import Member, Unpacked
from exchange.incoming.options import Options, SourceName
from exchange.incoming.rows import LeftOut
from exchange.incoming.sources import goatcounter, plausible, umami
from exchange.incoming.sources.log_lines import is_combined, is_json_log

_OWN = frozenset(("id", "ingestedAt", "timestamp", "event"))
_LOOKED_AT = 20
"""Lines, for the first of a log."""


def detect(file: Unpacked, options: Options, limits: Limits) -> SourceName | None:
    """None: it is nothing that is known. Raises SourceError where it cannot be read."""
    if file.is_parquet:
        return "own"
    if file.packing == "zip":
        names = [member.name for member in file.members]
        if any(plausible.TOTALS.fullmatch(name) for name in names):
            return "plausible"
        if umami.holds_events(names) or umami.holds_totals(names):
            return "umami"
        if any(name.rpartition("/")[2] == "info.json" for name in names):
            raise SourceError("only_totals", "numbers by hour: fetch GoatCounter's CSV export")
    return _detect_member(file.members[0], options, limits)


def _detect_member(member: Member, options: Options, limits: Limits) -> SourceName | None:
    lines = _first_lines(member.open(), options, limits)
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip()[:1] == "{":
        entry = read_object(first, limits.depth)
        if isinstance(entry, LeftOut):
            return "jsonl"
        return "access-log" if is_json_log(entry) else _of_columns(list(entry)) or "jsonl"
    if any(is_combined(line.rstrip("\r\n")) for line in lines):
        return "access-log"
    try:
        header = Table(member.open(), options, limits).header
    except SourceError as exc:
        if exc.code in ("wrong_source", "empty_file"):
            return None
        raise
    return _of_columns(header) or ("csv" if len(header) > 1 else None)


def _first_lines(stream: io.BufferedReader, options: Options, limits: Limits) -> list[str]:
    codec = find_encoding(stream, options.encoding, strict=False)
    found = Lines(stream, codec, limits.row_bytes)
    lines = []
    for _ in range(_LOOKED_AT):
        try:
            lines.append(next(found))
        except StopIteration:
            break
        except TooLong:
            continue
    return lines


def _of_columns(names: Sequence[str]) -> SourceName | None:
    found = set(names)
    if found >= _OWN and len(found & set(COLUMNS)) >= len(_OWN):
        return "own"
    if names[:1] and names[0] in goatcounter.FIRST_COLUMNS:
        return "goatcounter"
    if found >= set(umami.NEEDED):
        return "umami"
    if found >= set(plausible.NEEDED) or found >= {"date", "visitors"}:
        return "plausible"
    return None
