"""What a reporting process remembers of pieces: only what it read, and within bounds."""

from typing import Any

import pytest

from reporting.rollups.piece_cache import PieceCache

COUNTS = ("f", "h", "v", "e")
SETS = ("f", "h", "ul")
TABLE = {"f": 1, "h": b"h" * 1_000, "v": b"v" * 500}


def put(cache: PieceCache, *pieces: bytes, **tables: Any) -> None:
    for piece in pieces:
        cache.put(piece, ("total", "path"), COUNTS, tables or {"total": TABLE})


def test_a_piece_is_known_with_all_its_dimensions_or_not_at_all() -> None:
    cache = PieceCache()
    put(cache, b"a")

    assert cache.get([b"a", b"b"], ["total", "path"], COUNTS) == {b"a": {"total": TABLE}}
    assert cache.get([b"a"], ["path"], COUNTS) == {b"a": {}}
    assert cache.get([b"a"], ["total", "country"], COUNTS) == {}
    assert cache.get([b"a"], ["total"], SETS) == {}


@pytest.mark.parametrize("used", [b"a", b"b"])
def test_what_was_not_used_for_longest_is_forgotten_first(used: bytes) -> None:
    cache = PieceCache(max_bytes=8_000)  # two pieces
    put(cache, b"a", b"b")

    assert cache.get([used], ["total", "path"], COUNTS)
    put(cache, b"c")

    assert set(cache.get([b"a", b"b", b"c"], ["total", "path"], COUNTS)) == {used, b"c"}


def test_a_piece_put_twice_takes_its_room_once() -> None:
    cache = PieceCache(max_bytes=8_000)
    put(cache, b"a", *[b"b"] * 50)

    assert set(cache.get([b"a", b"b"], ["total", "path"], COUNTS)) == {b"a", b"b"}


def test_a_piece_larger_than_the_cache_is_not_kept() -> None:
    cache = PieceCache(max_bytes=8_000)
    put(cache, b"a", total={"f": 1, "h": b"h" * 10_000})

    assert cache.get([b"a"], ["total"], COUNTS) == {}
