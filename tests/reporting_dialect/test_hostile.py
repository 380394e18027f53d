"""Whatever a key or a value is, it is found as it is, and changes nothing else."""

import json
import random
import threading
import time
from typing import Any

import duckdb
import pytest

from analytics.web.problems import BadRequest
from reporting.columns.dialect.values import spell_text
from reporting.questions.conditions import Compare, Condition, Did, Not, Operator
from reporting.questions.fields import Field
from tests.reporting_dialect.asking import Files, all_of, compare

TEXTS = [
    "", " ", "'", "''", '"', "\\", "\\\\", '\\"', "a'b", "%", "_", "*", "$", "$a0", "?", ";", "--",
    "'; DROP TABLE events; --", '"; DROP', "\x00", "a\x00b", "\n", "\r\n", "\t\x01\x1f\x7f",
    "\u2028", "ä", "日本", "\U0001f600", "e\u0301", "/", "</script>", "null", "true", "0", "-0",
    "NaN", "inf", "9223372036854775808", "{}", "[]", '{"a":1}', "(a", "a{1001}", ".", "^$", "\\E",
    "\ufeff",
]  # fmt: skip

KEYS = [
    "", ".", "..", "a..b", ".a", "a.", "$", "$$", "$.*", "*", "**", "#", "[*]", "[0]", "a[0]", "a]",
    "'", '"', 'a"b', '"."', "\\", '\\"', "a\\b", "__proto__", "0", "-1", "a b", "\n", "\t\x01", "ü",
    "日本", "/", "a/b", "~", "~1", "'; DROP TABLE events; --", "%00", "x" * 3000, "." * 30, "PLAN",
    "plan",
]  # fmt: skip

BOMBS = [
    "(", "[", "a{1001}", "(a{1000}){1000}", "((a{100}){100}){100}", "(?P<a", "\\1", "a**", "\ud800",
    "(?=a)",
]  # fmt: skip


def literal(*keys: str) -> Field:
    name = "properties" + "".join(f"[{json.dumps(key)}]" for key in keys)
    return Field(name, tuple((key,) for key in keys))


def find(files: Files, where: Condition) -> list[Any]:
    return [row[0] for row in files.table("everything", by=["title"], where=where)]


@pytest.mark.slow
def test_any_text_of_a_field_is_found_by_itself_alone(files: Files) -> None:
    files.store(*({"title": f"{n}", "path": text} for n, text in enumerate(TEXTS)))

    for n, text in enumerate(TEXTS):
        assert find(files, compare("path", "is", text)) == [str(n)], text
        folded = find(files, compare("path", "is", text, case=False))
        assert folded == [str(n)], text
        operators: list[Operator] = ["contains", "startsWith", "endsWith"]
        for operator in operators:
            for case in (True, False):
                assert str(n) in find(files, compare("path", operator, text, case=case)), text


@pytest.mark.slow
def test_any_text_of_a_property_is_found_by_itself_alone(files: Files) -> None:
    files.store(*({"title": f"{n}", "properties": {"v": text}} for n, text in enumerate(TEXTS)))

    for n, text in enumerate(TEXTS):
        for case in (True, False):
            assert find(files, compare("properties.v", "is", text, case=case)) == [str(n)], text
    rows = files.table("views", by=["properties.v"], limit=1000)
    assert sorted(row[0] for row in rows) == sorted(TEXTS)


def test_a_text_is_spelled_as_the_engine_spells_it(files: Files) -> None:
    texts = [chr(n) for n in (*range(0x500), *range(0x2000, 0x2100), 0xFFFF, 0x10FFFF)]
    [(spelled,)] = files.engine.execute(
        "SELECT list_transform($texts, lambda text: CAST(json_extract(text, '$') AS VARCHAR))",
        {"texts": [json.dumps(text) for text in texts]},
    ).fetchall()

    assert [spell_text(text) for text in texts] == spelled


@pytest.mark.slow
def test_any_key_is_looked_up_in_objects_and_is_no_pattern(files: Files) -> None:
    files.store(*({"title": f"{n}", "properties": {key: n}} for n, key in enumerate(KEYS)))
    files.store({"title": "list", "properties": {"v": [1, 2], "*": None}})

    for n, key in enumerate(KEYS):
        here = literal(key)
        where = all_of(Compare(here, "exists"), Compare(here, "is", (str(n),)))
        assert find(files, where) == [str(n)], key
        assert find(files, Compare(literal("v", key), "exists")) == [], key


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("properties.a.b", ["literal", "both", "nested"]),
        ('properties["a.b"]', ["literal", "both"]),
        ('properties.a["b"]', ["both", "nested"]),
        ("properties.a.b.c", ["whole", "within", "deep"]),
        ('properties["a.b"].c', ["beyond"]),
        ('properties.a["b.c"]', ["within"]),
    ],
)
def test_a_dotted_name_is_the_literal_key_first_then_the_nested_one(
    files: Files, name: str, expected: list[str]
) -> None:
    stored: dict[str, Any] = {
        "literal": {"a.b": "x"},
        "nested": {"a": {"b": "x"}},
        "both": {"a.b": "x", "a": {"b": "x"}},
        "null": {"a.b": None, "a": {"b": "x"}},
        "list": {"a": [{"b": "x"}]},
        "whole": {"a.b.c": "x"},
        "within": {"a": {"b.c": "x"}},
        "deep": {"a": {"b": {"c": "x"}}},
        "beyond": {"a.b": {"c": "x"}},
    }
    files.store(*({"title": title, "properties": each} for title, each in stored.items()))
    if name == 'properties.a["b"]':
        expected = [*expected, "null"]

    assert sorted(find(files, compare(name, "is", "x"))) == sorted(expected)


@pytest.mark.parametrize("name", ["path", "properties.v"])
def test_half_of_a_surrogate_pair_finds_nothing(files: Files, name: str) -> None:
    files.store({"path": "\ufffd", "properties": {"v": "\ufffd"}})

    operators: list[Operator] = ["is", "contains", "startsWith", "endsWith"]
    for operator in operators:
        assert files.count(compare(name, operator, "\ud800")) == 0
        assert files.count(Not(compare(name, operator, "a\udfff", case=False))) == 1


BOMBS = [
    "(",
    "[",
    "a{1001}",
    "(a{1000}){1000}",
    "((a{100}){100}){100}",
    "(?P<a",
    "\\1",
    "a**",
    "\ud800",
    "(?=a)",
]


@pytest.mark.parametrize("pattern", BOMBS)
def test_a_pattern_that_re2_refuses_is_refused(files: Files, pattern: str) -> None:
    for where in (
        compare("path", "matches", pattern),
        Did(Not(compare("path", "matches", pattern))),
    ):
        for condition, goal in ((where, None), (None, where)):
            with pytest.raises(BadRequest) as refused:
                files.ask("views", where=condition, goal=goal)
            assert refused.value.code == "bad_pattern"


def test_a_pattern_takes_time_in_proportion_to_the_text(files: Files) -> None:
    files.store({"path": "/" + "a" * 2000 + "!"})

    for pattern in ("(a+)+$", "(a|a)*b", "(.*)*x", "((((a*)*)*)*)*$b"):
        assert files.count(compare("path", "matches", pattern)) == 0


@pytest.mark.slow
def test_a_pattern_that_is_hard_on_long_texts_is_interrupted_within_a_few_of_them(
    files: Files,
) -> None:
    chance = random.Random(1)
    texts = ["".join(chance.choices("xab", k=1_000)) for _ in range(1_024)]
    files.store(*({"path": text} for text in texts))
    pattern = "(x|a)(.{0,90}b)y"
    begun = time.process_time()  # the machine may do something else for a while
    files.engine.execute(
        "SELECT list_filter($few, lambda each: regexp_matches(each, $pattern))",
        {"few": texts[:16], "pattern": pattern},
    )
    took_16 = time.process_time() - begun
    done = threading.Event()

    def interrupt() -> None:
        wait_seconds = 0.3  # it has begun with them
        while not done.wait(wait_seconds):
            files.engine.interrupt()
            wait_seconds = 0.01

    begun = time.process_time()
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(duckdb.InterruptException):
        files.count(compare("path", "matches", pattern))
    done.set()
    thread.join()
    assert time.process_time() - begun < 1 + 16 * took_16  # all of them take 64 times that


def test_numbers_at_the_edges_are_found_and_compared(files: Files) -> None:
    values = [2**63 - 1, -(2**63), 1.7976931348623157e308, 5e-324, -0.0, 1e21, 0.1]
    files.store(*({"title": str(n), "properties": {"v": value}} for n, value in enumerate(values)))

    for n, value in enumerate(values):
        assert find(files, compare("properties.v", "is", json.dumps(value))) == [str(n)]
    for text in ("NaN", "Infinity", "-inf", "1e400", "0x10", "+1", "1_0", "", " 1"):
        assert files.count(compare("properties.v", "is", text)) == 0
    assert files.count(compare("properties.v", "lte", "1e308")) == 6
    assert files.count(compare("properties.v", "gt", "-9223372036854775808.0")) == 6
    assert files.count(compare("properties.v", "gte", "9223372036854775808")) == 2
    assert files.count(compare("properties.v", "lt", "9223372036854775808")) == 5


def test_deep_and_long_conditions_are_answered(files: Files) -> None:
    files.store({})
    deep: Condition = compare("path", "is", "/")
    for _ in range(20):
        deep = Not(all_of(deep, deep)) if _ < 4 else Not(deep)

    assert files.count(deep) == 1
    assert files.count(compare("path", "is", *(["x" * 2000] * 999), "/")) == 1
    assert files.count(compare("path", "is", "\u212a" * 2000, "/", case=False)) == 1
