"""What the repetitions of a pattern come to, which is bounded before anything is matched."""

import pytest

from reporting.questions.language.patterns import count_repeated


@pytest.mark.parametrize(
    ("pattern", "repeated"),
    [
        ("^/blog/.*$", 0),
        ("a{3}b{4}", 7),
        ("(ab){3}", 6),
        ("((ab){3}c){2}", 14),
        (r"^[0-9a-f]{8}-[0-9a-f]{4}$", 12),
        ("(?i)x{0,300}", 300),
        ("(?:a|b){2,}", 6),
        ("(?P<n>ab){2}", 4),
        ("(.{0,300}x){3}", 903),
        ("((x|y){100}){9}", 2_700),
    ],
)
def test_repetitions_are_counted_as_they_are_written_out(pattern: str, repeated: int) -> None:
    assert count_repeated(pattern) == repeated


@pytest.mark.parametrize(
    ("pattern", "repeated"),
    [
        (r"a\{30}", 0),
        ("a{,30}", 0),
        ("a{x}", 0),
        (r"[{30}]", 0),
        (r"[\]{3}a]{7}", 7),
        ("[]a]{4}", 4),
        ("[[:alpha:]]{6}", 6),
        (r"\p{Greek}{5}", 5),
        (r"\x{10FFFF}{5}", 5),
        (r"\Qa{9}\E", 0),
        ("x{1}", 0),
        ("(a{3}", 3),
        (")a{3}", 3),
        ("", 0),
    ],
)
def test_what_only_looks_like_a_repetition_is_none(pattern: str, repeated: int) -> None:
    assert count_repeated(pattern) == repeated
