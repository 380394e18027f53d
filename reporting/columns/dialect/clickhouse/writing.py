"""How the parts of a tree are written: the word for each kind of them, and what all share."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlglot import exp

from reporting.columns.untranslatable import Untranslatable

Write = Callable[[exp.Expr], str]
Rule = Callable[[Any, Write], str]


def text(value: str) -> str:
    """A constant: here the backslash escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def name(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def call(function: str, *arguments: str) -> str:
    return f"{function}({', '.join(arguments)})"


def join(parts: Iterable[exp.Expr], write: Write) -> str:
    return ", ".join(map(write, parts))


def fail(node: exp.Expr, why: str = "") -> Untranslatable:
    return Untranslatable(f"{type(node).__name__} {why}: {node.sql(dialect='duckdb')[:200]}")
