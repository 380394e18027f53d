"""What clients of other vendors send, read by what it is."""

import json

import pytest

from ingestion.receivers.bodies import mend_escapes


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (r'"a\ud83d"', "a\ufffd"),
        (r'"a\uD83D b"', "a\ufffd b"),
        (r'"\ude00\ud83d"', "\ufffd\ufffd"),
        (r'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (r'"\ud83d\ude00\u00e9\ue000"', "\U0001f600\u00e9\ue000"),
        (r'"\\ud83d \" \\\ud83d"', '\\ud83d " \\\ufffd'),
    ],
)
def test_half_a_character_is_replaced_and_nothing_else(sent: str, read: str) -> None:
    assert json.loads(mend_escapes(sent.encode())) == read


def test_what_has_no_half_is_left_as_it_is() -> None:
    text = rb'{"a":"\\u00e9 \u00e9 \n"}'

    assert mend_escapes(text) is text
