"""What a file of our own holds, for who writes one and who reads one."""

import pytest

from analytics.events.id_text import format_id, parse_id
from exchange.formats import escape_cell, unescape_cell


@pytest.mark.parametrize(
    "key",
    [
        bytes.fromhex("01923f6e8a4b7c3d9e5f0a1b2c3d4e5f"),
        b"\x01" + bytes(range(16)),
        b"\x02" + bytes(range(16)),
        b"\x03" + bytes(range(16)),
    ],
)
def test_an_id_is_read_as_it_was_written_with_its_namespace(key: bytes) -> None:
    assert parse_id(format_id(key)) == key


@pytest.mark.parametrize("text", ["", "04:" + "0" * 32, "01:" + "0" * 31, "G" * 36, "0" * 32])
def test_what_is_no_id_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no id"):
        parse_id(text)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@a", "\tx", "\rx", "'=x", "''-", "a=b", "'", ""]
)
def test_an_escaped_cell_is_no_formula_and_is_read_as_it_was(text: str) -> None:
    escaped = escape_cell(text)
    assert not escaped.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unescape_cell(escaped) == text
