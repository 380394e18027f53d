"""No address and no secret key is left in what is shown, however it was written."""

import json
from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Callable
from itertools import product
from random import Random
from urllib.parse import quote

import pytest

from analytics.keys.key_text import generate_key
from analytics.keys.masking import LONGEST_MASKED_CHARS, mask

ADDRESSES = ["203.0.113.9", "2001:db8::1", "2001:db8:0:0:0:0:0:1", "::ffff:203.0.113.9"]
KEY = "ak_live_23456789_" + "x" * 43


def percent_encode(text: str) -> str:
    return quote(text, safe="")


def percent_encode_all(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def escape(text: str) -> str:
    return json.dumps(text)[1:-1]


def escape_all(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


def encode_base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def encode_for_addresses(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def encode_in_lines(text: str) -> str:
    return encodebytes(text.encode()).decode()


def encode_in_a_form(text: str) -> str:
    return encode_base64(text).replace("+", " ")


ENCODINGS: list[Callable[[str], str]] = [
    percent_encode, percent_encode_all, escape, escape_all, encode_base64, encode_for_addresses,
    encode_in_lines, encode_in_a_form,
]  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", [*ADDRESSES, KEY])
def test_it_is_masked_where_it_stands_encoded_and_nothing_else_is(
    secret: str, encoding: Callable[[str], str]
) -> None:
    for before in ("", "n", "né", 'a\n{"ip":"'):
        head, tail = f'{{"n":1,"q":"{before} ', ' >~?","at":"10:00:00"}'
        sent = f"{head}{encoding(f'?? {before} {secret} >~?')}{tail}"

        shown = mask(sent)

        assert shown.startswith(head)
        assert shown.endswith(tail)
        assert ("(address)" in shown) == (secret is not KEY)
        assert ("ak_live_23456789_…" in shown) == (secret is KEY)
        assert mask(encoding(f"{before} 10:00:00 and no more")) == encoding(
            f"{before} 10:00:00 and no more"
        )


@pytest.mark.parametrize(("inner", "outer"), list(product(ENCODINGS, ENCODINGS)))
def test_encodings_within_each_other_are_all_undone(
    inner: Callable[[str], str], outer: Callable[[str], str]
) -> None:
    for secret in (*ADDRESSES, KEY):
        shown = mask(outer(f'{{"q":"{inner(f"from {secret} now")}"}}'))

        assert "(address)" in shown or "ak_live_23456789_…" in shown, (secret, shown)


def test_only_the_address_goes() -> None:
    assert mask("ip=2001%3Adb8%3A%3A1&e=pv") == "ip=(address)&e=pv"
    assert mask("a%3D203.0.113.9%26b") == "a%3D(address)%26b"
    assert mask(r'{"q":"2001\u003adb8\u003a\u003a1\n"}') == r'{"q":"(address)\n"}'
    assert mask(r"\n203.0.113.9\n") == r"\n(address)\n"


def test_whatever_looks_like_base64_and_holds_none_stays() -> None:
    random = Random(18)
    for _ in range(300):
        sent = b64encode(random.randbytes(1_500)).decode()
        assert mask(sent) == sent


def test_a_key_in_the_longest_way_of_an_encoding_is_no_longer_than_is_told() -> None:
    longest = max(len(encoding(generate_key().text)) for encoding in ENCODINGS)

    assert longest <= LONGEST_MASKED_CHARS
