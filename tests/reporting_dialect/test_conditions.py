"""Conditions are two-valued, and values mean what they spell."""

import math
from typing import Any

import pytest

from reporting.columns.dialect.conditions import Conditions
from reporting.columns.dialect.values import Arguments
from reporting.questions.conditions import Condition, Did, Not, Operator
from tests.reporting_dialect.asking import Files, all_of, any_of, compare, is_


def find(files: Files, where: Condition) -> list[Any]:
    """Which events pass, by their titles."""
    return sorted(row[0] for row in files.table("everything", by=["title"], where=where))


def store_values(files: Files, **values: Any) -> None:
    """An event for each value of `properties.v`, the name in its title."""
    files.store(
        *({"title": name, "properties": {"v": value}} for name, value in values.items()),
        {"title": "absent", "properties": {"w": 1}},
        {"title": "none"},
    )


def test_not_holds_of_what_is_not_there(files: Files) -> None:
    files.store({"title": "de", "country": "DE"}, {"title": "fr", "country": "FR"}, {"title": "-"})

    assert find(files, is_("country", "DE")) == ["de"]
    assert find(files, Not(is_("country", "DE"))) == ["-", "fr"]
    assert find(files, Not(compare("country", "exists"))) == ["-"]
    assert find(files, Not(compare("country", "contains", "D"))) == ["-", "fr"]
    assert find(files, Not(any_of(is_("country", "DE"), is_("city", "Bonn")))) == ["-", "fr"]
    assert find(files, all_of(Not(is_("city", "x")), Not(Not(is_("country", "DE"))))) == ["de"]
    operators: list[Operator] = ["is", "contains", "matches", "gt"]
    for operator in operators:
        assert find(files, Not(compare("properties.a", operator, "1"))) == ["-", "de", "fr"]


def test_a_text_finds_itself_its_number_and_its_constant(files: Files) -> None:
    store_values(
        files, text="5", integer=5, double=5.0, near=5.000001, true=True, word="true", null=None,
        spelled="null", nested={"v": 5}, listed=[5],
    )  # fmt: skip

    assert find(files, is_("properties.v", "5")) == ["double", "integer", "text"]
    assert find(files, is_("properties.v", "5.0")) == ["double", "integer"]
    assert find(files, is_("properties.v", "50e-1")) == ["double", "integer"]
    assert find(files, is_("properties.v", "true")) == ["true", "word"]
    assert find(files, is_("properties.v", "null")) == ["null", "spelled"]
    assert find(files, is_("properties.v", "5", "false", "null")) == [
        "double", "integer", "null", "spelled", "text",
    ]  # fmt: skip
    assert "null" not in find(files, compare("properties.v", "exists"))
    assert {"nested", "listed"} < set(find(files, compare("properties.v", "exists")))


def test_integers_beyond_the_doubles_are_told_apart(files: Files) -> None:
    big = 2**53
    store_values(files, even=big, odd=big + 1, real=float(big), most=2**63 - 1, least=-(2**63))

    assert find(files, is_("properties.v", str(big + 1))) == ["odd"]
    assert find(files, is_("properties.v", str(big))) == ["even", "real"]
    assert find(files, compare("properties.v", "gt", str(big))) == ["most", "odd"]
    assert find(files, compare("properties.v", "gte", str(big + 1))) == ["most", "odd"]
    assert find(files, compare("properties.v", "lt", str(big + 1))) == ["even", "least", "real"]
    assert find(files, compare("properties.v", "gte", str(2**63 - 1))) == ["most"]
    assert find(files, compare("properties.v", "gt", str(2**63))) == []
    assert find(files, compare("properties.v", "lte", str(-(2**63)))) == ["least"]
    assert find(files, compare("properties.v", "gt", "9007199254740992.5")) == ["most", "odd"]


def test_only_numbers_are_greater_or_less(files: Files) -> None:
    store_values(files, text="7", number=7, real=7.5, true=True, null=None, listed=[9], exp=1e21)

    assert find(files, compare("properties.v", "gt", "1")) == ["exp", "number", "real"]
    assert find(files, compare("properties.v", "lte", "7.5")) == ["number", "real"]
    assert find(files, compare("properties.v", "lt", "7.5")) == ["number"]
    assert find(files, compare("properties.v", "lt", "1e300")) == ["exp", "number", "real"]


def test_texts_alone_contain_begin_and_end(files: Files) -> None:
    store_values(files, text="a12b", number=12, nested={"12": "a12"}, listed=["a12b"])

    asked: list[tuple[Operator, str]] = [
        ("contains", "12"),
        ("startsWith", "a1"),
        ("endsWith", "2b"),
    ]
    for operator, value in asked:
        assert find(files, compare("properties.v", operator, value)) == ["text"]
        assert find(files, compare("properties.v", operator, "zz", value)) == ["text"]
        assert find(files, compare("properties.v", operator, "zz")) == []
    assert find(files, compare("properties.v", "contains", "")) == ["text"]


def test_case_can_be_left_out_of_account(files: Files) -> None:
    files.store({"title": "a", "path": "/Ä.b"}, {"title": "b", "path": "/äxb"})

    assert find(files, compare("path", "is", "/ä.B", case=False)) == ["a"]
    assert find(files, compare("path", "contains", ".B", case=False)) == ["a"]
    assert find(files, compare("path", "startsWith", "/Ä", case=False)) == ["a", "b"]
    assert find(files, compare("path", "endsWith", "B", case=False)) == ["a", "b"]
    assert find(files, compare("path", "matches", "^/Ä.B$", case=False)) == ["a", "b"]
    assert find(files, compare("path", "is", "/ä.B")) == []


def test_without_case_a_number_and_a_constant_are_still_found(files: Files) -> None:
    store_values(files, text="TRUE", true=True, number=5, null=None, word="NULL")

    assert find(files, compare("properties.v", "is", "true", "5", case=False)) == [
        "number", "text", "true",
    ]  # fmt: skip
    assert find(files, Not(compare("properties.v", "is", "null", case=False))) == [
        "absent", "none", "number", "text", "true",
    ]  # fmt: skip


def test_a_pattern_is_found_anywhere_and_its_dot_is_no_line_break(files: Files) -> None:
    files.store({"title": "a", "path": "/x\ny"}, {"title": "b", "path": "/x-y"})

    assert find(files, compare("path", "matches", "x.y")) == ["b"]
    assert find(files, compare("path", "matches", "(?s)x.y")) == ["a", "b"]
    assert find(files, compare("path", "matches", "^x")) == []
    assert find(files, compare("path", "matches", "^x", "y$")) == ["a", "b"]


def test_who_did_it_is_looked_for_in_the_window_alone_and_whatever_the_filter_says(
    files: Files,
) -> None:
    files.store(
        {"title": "ann reads", "visitor": 1},
        {"title": "ann buys", "visitor": 1, "event": "buy", "path": "/shop"},
        {"title": "bob reads", "visitor": 2},
        {"title": "bob buys before", "visitor": 2, "event": "buy", "timestamp": 0},
        {"title": "nobody", "event": "buy"},
        {"title": "a bot buys", "event": "buy", "visitor": 3, "bot": "x"},
    )
    bought = Did(is_("event", "buy"))

    assert find(files, bought) == ["a bot buys", "ann buys", "ann reads"]
    assert find(files, all_of(bought, is_("path", "/"))) == ["a bot buys", "ann reads"]
    assert find(files, Not(bought)) == ["bob reads", "nobody"]
    assert files.totals("everything", where=bought, bots="excluded") == (2,)


@pytest.mark.parametrize("kind", ["is", "contains"])
def test_a_thousand_values_are_as_good_as_one(files: Files, kind: Any) -> None:
    store_values(files, text="v999", number=999)
    values = [f"v{n}" for n in range(1000)]

    assert find(files, compare("properties.v", kind, *values)) == ["text"]
    assert math.isclose(files.count(compare("path", kind, *values, "/")), 4)


@pytest.mark.slow
def test_many_texts_are_found_as_one_is(files: Files) -> None:
    """As few patterns: each text with a test of its own took a gigabyte beside the engine's."""
    odd = ["a|b", "(", "\\", "[x]", "a.c", "^", "$", "é|É", "\n", "", "x" * 2_000]
    files.store(*({"title": f"{n}", "path": f"<{text}>"} for n, text in enumerate(odd)))
    many = [f"no {n}" for n in range(1_000)]

    for n, text in enumerate(odd):
        within = [str(m) for m, other in enumerate(odd) if text in other]
        for case in (True, False):
            assert find(files, compare("path", "contains", *many, text, case=case)) == sorted(
                within
            )
            for operator, asked in (("startsWith", f"<{text}"), ("endsWith", f"{text}>")):
                found = find(files, compare("path", operator, *many, asked, case=case))  # type: ignore[arg-type]
                assert (str(n) in found) and set(found) <= set(within) | {str(n)}
        assert find(files, compare("path", "is", *many, f"<{text}>", case=False)) == [str(n)]


@pytest.mark.parametrize("case", [True, False])
@pytest.mark.parametrize("many", [(), tuple(f"no {n}" for n in range(30))])
def test_an_empty_text_is_in_every_text(files: Files, case: bool, many: tuple[str, ...]) -> None:
    files.store({"title": "0", "path": "/a"}, {"title": "1", "path": "\U0001f600"})
    files.store({"title": "2", "path": ""})
    operators: list[Operator] = ["contains", "startsWith", "endsWith"]

    for operator in operators:
        assert find(files, compare("path", operator, *many, "", case=case)) == ["0", "1", "2"]
    assert find(files, compare("path", "is", *many, "", case=case)) == ["2"]


def test_a_filter_as_wide_as_may_be_is_a_small_statement(files: Files) -> None:
    files.store({"title": "a", "path": "/a"})
    many = [[f"{n}-{m}" for m in range(1_000)] for n in range(20)]
    operators: list[Operator] = ["contains", "startsWith", "endsWith"]
    parts = [
        compare("path", operators[n % 3], *values, case=n % 2 == 0) for n, values in enumerate(many)
    ]
    arguments = Arguments()
    statement = Conditions(arguments, str, str, str).compile(any_of(*parts))

    assert len(statement) < 20_000
    assert len(arguments.values) < 200
    assert find(files, any_of(*parts)) == []


def test_a_value_of_another_property_is_not_found(files: Files) -> None:
    files.store(
        {"title": "it", "properties": {"v": "pro"}},
        {"title": "other", "properties": {"w": "pro", "v": "x"}},
        {"title": "deeper", "properties": {"o": {"v": "pro"}}},
        {"title": "inside", "properties": {"v": ["pro"]}},
        {"title": "key", "properties": {"pro": "v"}},
    )

    assert find(files, is_("properties.v", "pro")) == ["it"]
    assert find(files, Not(is_("properties.v", "pro"))) == ["deeper", "inside", "key", "other"]
    assert find(files, compare("properties.v", "exists")) == ["inside", "it", "other"]
    assert find(files, is_("properties.o.v", "pro")) == ["deeper"]
