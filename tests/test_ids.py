"""Identifiers: which event ids are kept as the bytes of a UUID."""

import re
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.ids import event_id_of, event_key, is_uuid_key

PROJECT = b"project1"
CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_uuids = st.uuids().map(str)
_near = st.builds(
    lambda text, at, character: text[:at] + character + text[at + 1 :],
    _uuids,
    st.integers(0, 35),
    st.sampled_from("0aAgG-_ \n\u0660\u00e9"),
)


@settings(max_examples=300, deadline=None)
@given(_uuids | _uuids.map(str.upper) | _near | st.text(max_size=40) | st.text("0a-", min_size=36))
def test_a_uuid_in_its_one_spelling_is_kept_as_its_bytes(event_id: str) -> None:
    key = event_key(PROJECT, event_id)

    assert key.startswith(PROJECT)
    assert is_uuid_key(key) == (CANONICAL.fullmatch(event_id) is not None)
    assert event_id_of(key) in ((event_id,) if is_uuid_key(key) else (None,))


@pytest.mark.parametrize("digit", "07")
def test_a_uuid_of_digits_alone_is_one(digit: str) -> None:
    uuid = str(UUID(digit * 32))

    assert is_uuid_key(event_key(PROJECT, uuid))
