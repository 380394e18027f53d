"""GoatCounter's CSV export of single pageviews, versions 1 and 2.

Formats: goatcounter.com/code/export (the first column is named by the version: `2Path`).
"""

from collections.abc import Iterator
from typing import Final

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.tables import Table
from exchange.incoming.files.unpacking import Unpacked
from exchange.incoming.rows import ImportedRow, Item, LeftOut
from exchange.incoming.sources.brief import Brief
from exchange.incoming.sources.names import (
    browser_version,
    name_browser,
    name_system,
    split_version,
    system_version,
)
from exchange.incoming.sources.times import read_iso
from exchange.incoming.sources.values import as_flag, take

FIRST_COLUMNS: Final = ("1Path", "2Path")
_NEEDED: Final = ("Event", "Bot", "Session", "Referrer", "Date")
_NO_SESSION: Final = frozenset("0-")
# What GoatCounter calls places whose links come from many addresses.
_GENERATED: Final = {
    "Google": "https://www.google.com/",
    "Hacker News": "https://news.ycombinator.com/",
    "Facebook": "https://www.facebook.com/",
    "Reddit": "https://www.reddit.com/",
    "Telegram Messenger": "android-app://org.telegram.messenger",
    "Twitter": "https://twitter.com/",
}


def read(file: Unpacked, brief: Brief) -> Iterator[Item]:
    for member in file.members:
        table = Table(member.open(), brief.options, brief.limits)
        if table.header[0] not in FIRST_COLUMNS:
            raise SourceError("wrong_source", f"the first column is not {FIRST_COLUMNS[-1]}")
        missing = [name for name in _NEEDED if name not in table.header]
        if missing:
            raise SourceError("wrong_source", f"no column {missing[0]}")
        header = ["Path", *table.header[1:]]
        is_first_version = table.header[0] == FIRST_COLUMNS[0]
        for row in table:
            if isinstance(row, LeftOut):
                yield row
            else:
                yield _say(dict(zip(header, row, strict=True)), brief, is_first_version)


def _say(row: dict[str, str], brief: Brief, is_first_version: bool) -> Item:
    try:
        timestamp = read_iso(row["Date"])
    except ValueError:
        return LeftOut(0, "bad_time" if row["Date"] else "no_time", "Date")
    try:
        is_event, bot = as_flag(row["Event"]), int(row["Bot"] or 0)
    except ValueError:
        return LeftOut(0, "bad_value", "Event or Bot")
    path = row["Path"]
    if not path:
        return LeftOut(0, "no_name" if is_event else "no_page", "Path")
    said = ImportedRow(0, timestamp, path if is_event else "pageview")
    # An event has no page of its own there: its path is its name.
    said.path = "/" if is_event else path if path.startswith("/") else f"/{path}"
    said.hostname = brief.options.hostname
    said.title = take(row, "Title")
    said.is_bot = bot > 0
    session = take(row, "Session")
    if session and not _NO_SESSION.issuperset(session):
        said.visitor = session
    _say_browser(said, row, is_first_version)
    _say_referrer(said, take(row, "Referrer"), row.get("Referrer scheme", ""))
    size = row.get("Screen size", "").split(",")
    if len(size) >= 2 and size[0].isdecimal() and size[1].isdecimal() and int(size[0]):
        said.screen = f"{size[0]}x{size[1]}"
    if location := take(row, "Location"):
        said.country, _, region = location.partition("-")
        said.region = location if region else None
    return said


def _say_browser(said: ImportedRow, row: dict[str, str], is_first_version: bool) -> None:
    if is_first_version:  # the user agent stands there
        said.user_agent = take(row, "Browser")
        return
    said.user_agent = take(row, "User-Agent")
    browser, version = split_version(take(row, "Browser"))
    said.browser, said.browser_version = name_browser(browser), browser_version(version)
    system, version = split_version(take(row, "System"))
    said.os, said.os_version = name_system(system), system_version(version)


def _say_referrer(said: ImportedRow, referrer: str | None, scheme: str) -> None:
    if referrer is None:
        return
    if scheme == "c":
        said.utm_source = referrer
    elif scheme == "g":
        said.referrer = _GENERATED.get(referrer)
        if said.referrer is None:
            said.properties = {"referrer": referrer}
    elif "://" in referrer:
        said.referrer = referrer
    else:
        said.referrer = f"https://{referrer}"
