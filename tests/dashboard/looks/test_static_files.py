"""Files of the pages: small over the wire, and not asked for again while they are the same."""

import gzip
import re
from typing import Any

import pytest
from django.test import Client

from analytics.web.static_files import FOR_EVER
from tests.paths import ROOT

FOLDER = ROOT / "dashboard/static/dashboard"
PATH = "/static/dashboard/page.js"
SHORT = "max-age=60, public"


def get(path: str, **headers: str) -> Any:
    return Client().get(path, headers={"Accept-Encoding": "gzip, br", **headers})


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.fixture
def addresses(signed_in: Client) -> list[str]:
    page = signed_in.get("/?q=x").content.decode()
    return re.findall(r'"(/static/dashboard/[^"]+)"', page)


def test_what_a_page_names_is_compressed_and_kept_for_ever(addresses: list[str]) -> None:
    assert len(addresses) >= 3
    for address in addresses:
        answer = get(address)

        assert answer["Cache-Control"] == FOR_EVER
        assert answer["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in answer["Vary"]
        path = address.removeprefix("/static/dashboard/").partition("?")[0]
        content = (FOLDER / path).read_bytes()
        assert gzip.decompress(body_of(answer)) == content


def test_another_digest_or_none_is_kept_for_a_minute() -> None:
    for query in ("", "?", "?00000000", "?x"):
        assert get(PATH + query)["Cache-Control"] == SHORT


def test_who_takes_no_gzip_or_asks_for_a_part_gets_the_bytes_themselves() -> None:
    content = (FOLDER / "page.js").read_bytes()

    plain = get(PATH, **{"Accept-Encoding": "identity"})
    part = get(PATH, Range="bytes=0-9")

    assert "Content-Encoding" not in plain and body_of(plain) == content
    assert part.status_code == 206 and body_of(part) == content[:10]


def test_what_has_not_changed_is_not_sent_again() -> None:
    first = get(PATH)

    again = get(PATH, **{"If-Modified-Since": first["Last-Modified"]})
    head = Client().head(PATH, headers={"Accept-Encoding": "gzip"})

    assert again.status_code == 304
    assert head["Content-Length"] == str(len(body_of(first)))
    assert head.content == b""


def test_what_is_no_text_is_served_as_it_is() -> None:
    answer = get("/static/drf_spectacular_sidecar/swagger-ui-dist/favicon-32x32.png")

    assert body_of(answer)
    assert "Content-Encoding" not in answer
