"""What a statement becomes in ClickHouse's dialect; what it cannot become is not guessed."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from columns.files.engine import read_files
from columns.files.remote import is_name, read_place, write_places
from reporting.columns.dialect.clickhouse import translate
from reporting.columns.dialect.clickhouse.arguments import MAX_CHARS
from reporting.columns.dialect.clickhouse.json_values import read_path
from reporting.columns.untranslatable import Untranslatable


def write(statement: str, **values: Any) -> str:
    return translate(statement, values, _read).sql


def _read(paths: Sequence[str], columns: Sequence[str]) -> str:
    return f"files({', '.join(paths)}: {', '.join(columns)})"


@pytest.mark.parametrize(
    ("statement", "written"),
    [
        ("SELECT sum(i0)", "SELECT sumOrNull(toInt128(\"i0\"))"),
        ("SELECT count(*) FILTER (WHERE x)", 'SELECT toInt64(count() FILTER (WHERE "x"))'),
        ("SELECT count(DISTINCT x)", 'SELECT toInt64(uniqExact("x"))'),
        ("SELECT bool_or(x)", 'SELECT maxOrNull("x")'),
        ("SELECT any_value(x)", 'SELECT anyOrNull("x")'),
        ("SELECT regexp_matches(x, 'a')", "SELECT match(\"x\", 'a')"),
        ("SELECT contains(x, 'a')", "SELECT (position(\"x\", 'a') > 0)"),
        ("SELECT 7 // 2", "SELECT intDiv(7, 2)"),
        ("SELECT TRY_CAST(x AS BIGINT)", "SELECT accurateCastOrNull(\"x\", 'Int64')"),
        ("SELECT 'it''s \\'", "SELECT 'it\\'s \\\\'"),
        ("SELECT unnest([x])", 'SELECT "x"'),
        ("SELECT x[2]", 'SELECT arrayElementOrNull("x", 2)'),
        ("SELECT median(x)", 'SELECT quantileExactInclusiveOrNull(0.5)("x")'),
        (
            "SELECT max_by(x, y) FILTER (WHERE z)",
            'SELECT argMax("x", "y") FILTER (WHERE "z")',
        ),
        (
            "SELECT list_filter(x, lambda later: later <= t)",
            'SELECT arrayFilter("later" -> ("later" <= "t"), "x")',
        ),
        (
            "SELECT array_to_string(list_sort(list(x)), ' ')",
            "SELECT arrayStringConcat(arraySort(groupArray(\"x\")), ' ')",
        ),
        (
            "SELECT lead(x, 2) OVER (PARTITION BY y ORDER BY t)",
            'SELECT lead("x", 2) OVER (PARTITION BY "y" ORDER BY "t" ASC NULLS LAST)',
        ),
        (
            "SELECT bool_or(x) OVER (ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
            'SELECT maxOrNull("x") OVER (ORDER BY "t" ASC NULLS LAST '
            "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        ),
        (
            "SELECT unnest(a) AS x, unnest(b) AS y FROM t",
            "SELECT tupleElement(\"_zipped\", '1') AS \"x\", "
            "tupleElement(\"_zipped\", '2') AS \"y\" "
            'FROM (SELECT *, arrayJoin(arrayZip("a", "b")) AS _zipped FROM "t")',
        ),
        (
            "SELECT a FROM x ANTI JOIN y ON b = c",
            'SELECT "a" FROM "x" LEFT ANTI JOIN "y" ON ("b" = "c")',
        ),
        (
            "SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS b",
            'SELECT "a", NULL AS "b" FROM (SELECT 1 AS "a") UNION ALL '
            'SELECT NULL AS "a", "b" FROM (SELECT 2 AS "b")',
        ),
    ],
)  # fmt: skip
def test_what_means_the_same(statement: str, written: str) -> None:
    assert write(statement) == written


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TEMP TABLE x AS SELECT 1",
        "INSERT INTO x SELECT 1",
        "SELECT a_function_of_its_own(x)",
        "SELECT first_value(x) OVER (ORDER BY t ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING)",
        "SELECT lag(x, 1, 0) OVER (ORDER BY t)",
        "SELECT list(x ORDER BY y)",
        "SELECT list_sort(x, 'DESC')",
        "SELECT a FROM x ASOF JOIN y ON a < b",
        "SELECT CAST(x AS TIMESTAMP)",
        "SELECT DISTINCT a FROM x UNION SELECT a FROM y",
        "SELECT a FROM x QUALIFY a",
        "SELECT * FROM read_parquet(['/a'])",
        "SELECT FROM",
    ],
)
def test_nothing_is_guessed(statement: str) -> None:
    with pytest.raises(Untranslatable):
        write(statement)


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("it's", "String"),
        (5, "Int64"),
        (2**63, "Int128"),
        (True, "Bool"),
        (["a"], "Array(String)"),
        ([1, -2], "Array(Int64)"),
    ],
)
def test_values_stand_in_no_statement(value: Any, type_: str) -> None:
    translated = translate("SELECT $a0", {"a0": value}, _read)

    assert translated.sql == f"SELECT {{a0:{type_}}}"
    assert translated.parameters == {"a0": value}


def test_bytes_and_doubles_are_sent_by_their_bits() -> None:
    translated = translate("SELECT $a0, $a1", {"a0": b"\xff\x00", "a1": 0.1}, _read)

    assert translated.sql == ("SELECT unhex({a0:String}), reinterpretAsFloat64(unhex({a1:String}))")
    assert translated.parameters == {"a0": "ff00", "a1": "9a9999999999b93f"}


@pytest.mark.parametrize(
    ("value", "type_"), [("ü" * 100_001, "String"), (["x" * 50_000] * 2, "Array(String)")]
)
def test_what_a_form_cannot_hold_is_sent_as_a_table(value: Any, type_: str) -> None:
    translated = translate("SELECT $a0", {"a0": value}, _read)
    content, structure = translated.tables["a0"]

    assert translated.sql == "SELECT (SELECT value FROM a0)"
    assert json.loads(content) == {"value": value}
    assert (structure, translated.parameters) == (f"value {type_}", {})


@pytest.mark.parametrize("value", ["\ud800", ["\udfff"], 1j])
def test_what_is_no_text_is_not_sent(value: Any) -> None:
    with pytest.raises(Untranslatable):
        write("SELECT $a0", a0=value)


def test_only_columns_that_are_used_are_read() -> None:
    files = read_files(["/odd[1].parquet", "/b.parquet"])
    inner = f'SELECT "id", "path", "event", "country" FROM {files} WHERE "timestamp" >= 5'

    assert write(f"SELECT count(path) FROM ({inner}) WHERE event = 'x'") == (
        'SELECT toInt64(count("path")) FROM (SELECT "path", "event" FROM '
        'files(/odd[1].parquet, /b.parquet: timestamp, event, path) WHERE ("timestamp" >= 5)) '
        "WHERE (\"event\" = 'x')"
    )


@pytest.mark.parametrize(
    ("path", "keys"),
    [('$."a"', ["a"]), ('$."a.b"."*"', ["a.b", "*"]), ("/", [""]), (r'$."\"\\"', ['"\\'])],
)
def test_keys_are_read_one_by_one(path: str, keys: list[str]) -> None:
    assert read_path(path) == keys


@pytest.mark.parametrize("path", ["$.a", "$.*", "$", '$."a"[0]'])
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="a path"):
        read_path(path)


def test_segments_are_named_by_few_parameters(settings: Any) -> None:
    settings.CLICKHOUSE_FILES = "https://store/bucket"
    names = [f"{project}/{number:032x}.parquet" for project in ("aa", "bb") for number in range(3)]

    assert write_places(names) == [
        f"https://store/bucket/{project}/{{{','.join(f'{n:032x}' for n in range(3))}}}.parquet"
        for project in ("aa", "bb")
    ]
    many = write_places([f"aa/{number:032x}.parquet" for number in range(5_000)])
    assert [place.count(",") + 1 for place in many] == [2_000, 2_000, 1_000]
    assert max(map(len, many)) < MAX_CHARS


@pytest.mark.parametrize(
    ("place", "cluster", "table"),
    [
        ("/columns", "", "file("),
        ("https://store/bucket", "", "s3("),
        ("s3://bucket", "three", "s3Cluster('three', "),
        ("/columns", "three", "file("),
    ],
)
def test_where_segments_lie_says_how_they_are_read(
    settings: Any, place: str, cluster: str, table: str
) -> None:
    settings.CLICKHOUSE_FILES, settings.CLICKHOUSE_CLUSTER = place, cluster

    assert read_place("p", ["id", "timestamp", "visitBounced"]) == (
        f"{table}{{p:String}}, 'Parquet', "
        '\'"id" Nullable(String), "timestamp" Nullable(Int64), "visitBounced" Nullable(Bool)\')'
    )


@pytest.mark.parametrize("path", ["/a.parquet", "a/../b.parquet", "a/*.parquet", "a/b.csv", "a,b"])
def test_what_is_no_name_is_no_segment(path: str) -> None:
    assert not is_name(path)
