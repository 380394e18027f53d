"""Which tables there are, what they are called in stored ids, and which format knows them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from analytics.rollups import (
    BOTS_DAY_PARTS,
    DAY_PARTS,
    TABLES,
    TABLES_FORMAT,
    CorruptTable,
    Descriptor,
    Table,
    check_format,
    counts_pieces,
    has_bots,
    list_tables,
    pack_run,
    pack_summary,
    sets_pieces,
    summarize,
)

RUN = bytes(range(12))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT: dict[str, Any] = {"timestamp": NOON, "path": "/", "event": "pageview", "visitor": 1}
BOT_EVENT = EVENT | {"bot": "Googlebot"}

# As they are stored, for ever: a code that changes makes every split run unreadable.
CODES = {
    "total": 0, "path": 1, "event": 2, "referrer": 3, "country": 4, "browser": 5, "os": 6,
    "device": 7, "utmSource": 8, "utmMedium": 9, "utmCampaign": 10, "parts": 11, "hostname": 12,
    "bots_total": 13, "bots_path": 14, "bots_event": 15, "bots_referrer": 16, "bots_country": 17,
    "bots_browser": 18, "bots_os": 19, "bots_device": 20, "bots_utmSource": 21,
    "bots_utmMedium": 22, "bots_utmCampaign": 23, "bots_hostname": 24, "bots_bot": 25,
    "bots_parts": 26,
}  # fmt: skip


def test_every_table_keeps_its_code() -> None:
    assert set(CODES) == {*TABLES, DAY_PARTS, BOTS_DAY_PARTS}
    for name, code in CODES.items():
        descriptor: Descriptor = {"r": RUN, "n": 1, "c": {name: 2}, "s": {name: bytes(8)}}
        prefix = RUN + b"c" + bytes([code])
        assert counts_pieces(descriptor, name) == [prefix + b"\x00\x00", prefix + b"\x00\x01"]
        assert sets_pieces(descriptor, name) == [RUN + b"s" + bytes([code]) + b"\x00\x00"]


@pytest.mark.parametrize(("events", "bots"), [([EVENT], False), ([BOT_EVENT], True)])
def test_a_run_says_whether_it_counts_bots(events: list[dict[str, Any]], bots: bool) -> None:
    tables = summarize(bytes(8), events)[NOON]
    written, _ = pack_run(RUN, {name: Table.decode_all(table) for name, table in tables.items()})
    packed = pack_summary(RUN, tables)

    assert packed and packed[0] == written
    assert has_bots(written) is bots
    assert set(tables) <= set(list_tables(written))
    assert written.get("v") == TABLES_FORMAT


def test_what_has_no_format_is_of_the_first() -> None:
    check_format({"r": RUN, "n": 1})
    check_format({"v": TABLES_FORMAT})
    with pytest.raises(CorruptTable, match=f"format {TABLES_FORMAT + 1}"):
        check_format({"v": TABLES_FORMAT + 1})
