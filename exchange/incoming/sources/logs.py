"""Access logs: which requests are views of a page, and what they say.

A view is a GET that was answered with 2xx or 304, of a path that is no asset. Bots are left to who
admits the event: the user agent is in the row.
"""

import re
from collections.abc import Iterator
from typing import Final

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.objects import read_object
from exchange.incoming.files.text import Lines, TooLong, find_encoding, is_text, not_text
from exchange.incoming.files.unpacking import Member, Unpacked
from exchange.incoming.rows import ImportedRow, Item, LeftOut
from exchange.incoming.sources.brief import Brief
from exchange.incoming.sources.log_lines import BadTime, Request, read_combined, read_json

_ASSET: Final = re.compile(
    r"\.(?:css|m?js|map|json|xml|txt|rss|atom|webmanifest|wasm"
    r"|png|jpe?g|gif|svg|webp|avif|ico|bmp|woff2?|ttf|otf|eot"
    r"|mp[34]|m4[av]|web[mp]|og[gv]|wav|mov|vtt)$",
    re.IGNORECASE,
)
_WELL_KNOWN: Final = "/.well-known/"
_LINE_CHARS: Final = 64 * 1024
_NOT_MODIFIED: Final = 304
_STRANGE: Final = ("not_a_line_of_the_log", "not_json", "bad_encoding", "too_long", "too_deep")
_MOST_STRANGE_LINES: Final = 20
"""From the first line on, before any that is of a log: then it is none."""


def read(file: Unpacked, brief: Brief) -> Iterator[Item]:
    strange = 0
    for member in file.members:
        for item in _read_member(member, brief):
            if strange >= 0:
                is_strange = isinstance(item, LeftOut) and item.reason in _STRANGE
                strange = strange + 1 if is_strange else -1
                if strange > _MOST_STRANGE_LINES:
                    raise SourceError("wrong_source", "its first lines are not of an access log")
            yield item


def _read_member(member: Member, brief: Brief) -> Iterator[Item]:
    stream = member.open()
    codec = find_encoding(stream, brief.options.encoding, strict=False)
    lines = Lines(stream, codec, min(brief.limits.row_bytes, _LINE_CHARS))
    while True:
        try:
            line = next(lines).rstrip("\r\n")
        except StopIteration:
            return
        except TooLong:
            yield LeftOut(0, "too_long", f"line {lines.number}")
            continue
        if not line or line[0] == "#":  # comments are no lines
            continue
        yield _say(line, brief) if is_text(line) else not_text()


def _say(line: str, brief: Brief) -> Item:
    try:
        if line.lstrip()[:1] == "{":
            entry = read_object(line, brief.limits.depth)
            if isinstance(entry, LeftOut):
                return entry
            request = read_json(entry)
        else:
            request = read_combined(line)
    except BadTime:
        return LeftOut(0, "bad_time")
    if request is None:
        return LeftOut(0, "not_a_line_of_the_log")
    return _judge(request) or _view(request, brief)


def _judge(request: Request) -> LeftOut | None:
    if request.method != "GET":
        return LeftOut(0, "other_method", request.method[:16] if request.method.isalpha() else "")
    if not (200 <= request.status < 300 or request.status == _NOT_MODIFIED):
        return LeftOut(0, "other_status", str(request.status))
    path = re.split(r"[?#]", request.uri, maxsplit=1)[0]
    if not path:
        return LeftOut(0, "no_page")
    asset = _ASSET.search(path)
    if asset or _WELL_KNOWN in path:
        return LeftOut(0, "asset", asset[0].lower() if asset else _WELL_KNOWN)
    return None


def _view(request: Request, brief: Brief) -> ImportedRow:
    language = request.language.split(",")[0].split(";")[0].strip() if request.language else None
    return ImportedRow(
        0,
        request.time,
        "pageview",
        path=request.uri,
        hostname=request.host or brief.options.hostname,
        referrer=request.referrer,
        language=language or None,
        user_agent=request.agent,
        ip=request.ip,
    )
