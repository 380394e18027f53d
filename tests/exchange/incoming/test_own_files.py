"""Our own exports, in files that the SQL of the exporter has written."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from analytics.databases.export_formats import Format
from columns.files.layout import TYPES
from exchange.formats import ADDRESSES
from exchange.incoming.options import Options
from exchange.incoming.rows import ImportedRow, Made
from exchange.outgoing.select import Writing
from tests.exchange.incoming.reading import (
    detect_source,
    only_row,
    read_here,
    read_in_child,
    reasons_of,
)

EVENT: dict[str, Any] = {
    "id": bytes.fromhex("01923f6e8a4b7c3d9e5f0a1b2c3d4e5f"), "place": bytes(14),
    "timestamp": 1_748_772_672_345, "ingestedAt": 1_748_772_673_001,
    "visitor": -(2**63), "anonymous": 2**63 - 1, "userId": "u-1", "sessionId": "s-1",
    "event": "buy", "path": "/café", "hostname": "www.example.com", "title": '=1+"1"',
    "referrer": "news.example", "referrerUrl": "https://news.example/a", "source": "news",
    "channel": "Referral", "utmSource": "june", "utmMedium": "mail", "utmCampaign": "c",
    "utmTerm": "t", "utmContent": "x", "clickId": "gclid", "language": "de-AT",
    "screen": "1920x1080", "country": "AT", "region": "Vienna", "city": "Vienna",
    "browser": "Firefox", "browserVersion": "128", "os": "Linux", "osVersion": "6",
    "device": "desktop", "bot": "GPTBot", "properties": '{"plan":"pro","n":5.0,"b":[1,{}]}',
    "eventId": "order-1", "ip": "203.0.113.0", "userAgent": "Mozilla/5.0",
}  # fmt: skip

EXPECTED = ImportedRow(
    1, 1_748_772_672_345, "buy", path="/café", hostname="www.example.com", title='=1+"1"',
    referrer="https://news.example/a", language="de-AT", screen="1920x1080", user_id="u-1",
    session_id="s-1", user_agent="Mozilla/5.0", ip="203.0.113.0", country="AT", region="Vienna",
    city="Vienna", browser="Firefox", browser_version="128", os="Linux", os_version="6",
    device="desktop", utm_source="june", utm_medium="mail", utm_campaign="c", utm_term="t",
    utm_content="x", properties={"plan": "pro", "n": 5.0, "b": [1, {}]},
    made=Made(
        "01923f6e-8a4b-7c3d-9e5f-0a1b2c3d4e5f", 1_748_772_673_001, -(2**63), 2**63 - 1,
        "news.example", "news", "Referral", "gclid", "GPTBot", "order-1",
    ),
)  # fmt: skip


def write(folder: Path, format_: Format, *, spreadsheet: bool = False, **changed: Any) -> Path:
    """A file of one event, as an export with addresses has it."""
    event = {**dict.fromkeys([*TYPES, *ADDRESSES]), **EVENT, **changed}
    types = {**TYPES, **dict.fromkeys(ADDRESSES, "VARCHAR")}
    cells = ", ".join(f'CAST(? AS {types[name]}) AS "{name}"' for name in event)
    writing = Writing(format_, with_addresses=True, spreadsheet=spreadsheet)
    path = folder / f"events.{format_}"
    with duckdb.connect() as engine:
        table = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        engine.execute(f"CREATE TABLE events ({table})")
        engine.execute(f"INSERT INTO events BY NAME SELECT {cells}", list(event.values()))
        engine.execute(writing.copy("SELECT * FROM events", str(path)))
    path.write_bytes(writing.header() + path.read_bytes())
    return path


@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet"])
def test_an_event_is_read_with_all_that_was_made_of_it(tmp_path: Path, format_: Format) -> None:
    assert only_row(read_in_child(write(tmp_path, format_))) == EXPECTED


@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet"])
def test_what_an_event_has_not_is_none(tmp_path: Path, format_: Format) -> None:
    bare = ("id", "place", "timestamp", "ingestedAt", "event", "path")
    nothing: dict[str, Any] = dict.fromkeys(name for name in EVENT if name not in bare)
    path = write(tmp_path, format_, **nothing, event="pageview")
    expected = ImportedRow(
        1, EXPECTED.timestamp, "pageview", path="/café",
        made=Made("01923f6e-8a4b-7c3d-9e5f-0a1b2c3d4e5f", 1_748_772_673_001),
    )  # fmt: skip
    assert only_row(read_in_child(path)) == expected


@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet"])
def test_an_id_that_is_no_uuid_keeps_its_namespace(tmp_path: Path, format_: Format) -> None:
    path = write(tmp_path, format_, id=b"\x02" + bytes(range(16)))
    made = only_row(read_in_child(path)).made
    assert made is not None and made.id == "02:000102030405060708090a0b0c0d0e0f"


def test_cells_for_a_spreadsheet_are_unescaped_where_they_are_said_to_be(tmp_path: Path) -> None:
    path = write(tmp_path, "csv", spreadsheet=True)
    assert only_row(read_in_child(path, options=Options(spreadsheet=True))) == EXPECTED
    assert only_row(read_in_child(path)).title == "'" + EVENT["title"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"timestamp": None}, "no_time"),
        ({"timestamp": "soon"}, "bad_time"),
        ({"event": 5}, "no_name"),
        ({"id": None}, "bad_value"),
        ({"visitor": str(2**63)}, "bad_value"),
        ({"visitor": "me"}, "bad_value"),
        ({"path": {}}, "bad_value"),
        ({"properties": "{"}, "bad_value"),
        ({"properties": 5}, "bad_value"),
    ],
)
def test_a_row_that_was_changed_by_hand_is_left_out(
    tmp_path: Path, changed: dict[str, object], reason: str
) -> None:
    entry = json.loads(write(tmp_path, "jsonl").read_text())
    assert reasons_of(read_here(json.dumps({**entry, **changed}), "own")) == [reason]


@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet"])
def test_it_is_known_by_its_columns(tmp_path: Path, format_: Format) -> None:
    assert detect_source(write(tmp_path, format_).read_bytes()) == "own"
