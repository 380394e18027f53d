"""A whole statement."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import SqlglotError

from columns.files.layout import TYPES, VISIT_TYPES
from reporting.columns.dialect.clickhouse import (
    aggregates,
    expressions,
    json_values,
    lists,
    relations,
)
from reporting.columns.dialect.clickhouse.arguments import Parameters
from reporting.columns.dialect.clickhouse.paging import read_once
from reporting.columns.dialect.clickhouse.pruning import prune
from reporting.columns.dialect.clickhouse.writing import Rule, fail
from reporting.columns.untranslatable import Untranslatable

_RULES: dict[type[exp.Expr], Rule] = {
    **expressions.RULES,
    **lists.RULES,
    **json_values.RULES,
    **aggregates.RULES,
    **relations.RULES,
}

FilesOf = Callable[[Sequence[str], Sequence[str]], str]
"""What is selected from where some columns of some files are read, by their paths."""


class _Read(DuckDB):
    """DuckDB's SQL, in which paths into JSON and places in arrays stay what they are."""

    INDEX_OFFSET = 0

    def to_json_path(self, path: exp.Expr | None) -> exp.Expr | None:
        return path


@dataclass(frozen=True, slots=True)
class Translated:
    sql: str
    parameters: Mapping[str, Any]
    tables: Mapping[str, tuple[bytes, str]]


def translate(statement: str, values: Mapping[str, Any], files_of: FilesOf) -> Translated:
    """The same question. Raises Untranslatable."""
    try:
        tree = sqlglot.parse_one(statement, dialect=_Read)
    except SqlglotError as exc:
        raise Untranslatable(str(exc).partition("\n")[0]) from exc
    parameters = Parameters(values)
    read_once(tree)
    prune(tree)

    def write(node: exp.Expr) -> str:
        match node:
            case exp.Placeholder():
                return parameters.write(node.name)
            case exp.ReadParquet():
                return files_of(_list_paths(node), _list_columns(node))
        rule = _RULES.get(type(node))
        if rule is None:
            raise fail(node)
        return rule(node, write)

    return Translated(write(tree), parameters.sent, parameters.tables)


def _list_columns(node: exp.ReadParquet) -> list[str]:
    """Those that the SELECT around it names."""
    select = node.find_ancestor(exp.Select)
    if select is None or list(select.find_all(exp.Star)):
        raise fail(node)
    named = {column.name for column in select.find_all(exp.Column)}
    return [name for name in (*TYPES, *VISIT_TYPES) if name in named]


def _list_paths(node: exp.ReadParquet) -> list[str]:
    """`columns.files.engine.list_names` writes what might be a pattern in brackets."""
    names = node.expressions[0].expressions
    return [_unquote(each.this) for each in names]


def _unquote(pattern: str) -> str:
    for character in "*?[":
        pattern = pattern.replace(f"[{character}]", character)
    return pattern
