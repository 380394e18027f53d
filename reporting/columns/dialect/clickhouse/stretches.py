"""The tree of comparisons that finds a day or a unit (`columns.files.days.index_days`), as arrays.

ClickHouse looks at each part of a statement anew wherever it stands, and a tree has hundreds.
"""

from collections.abc import Iterable

from sqlglot import exp

_Row = tuple[int, int, int]  # index and start of the first day, and the length of all


def write_days(node: exp.Case) -> str | None:
    """The same number; None of what is no such tree."""
    rows = _read(node)
    if rows is None:
        return None
    if len(rows) == 1:
        return None
    indexes, starts, lengths = map(_write_array, zip(*rows, strict=True))
    start = f'toInt64(roundDown(assumeNotNull("timestamp"), {starts}))'
    index, length = (f"transform({start}, {starts}, {part})" for part in (indexes, lengths))
    return f'({index} + intDiv("timestamp" - {start}, {length}))'


def _write_array(numbers: Iterable[int]) -> str:
    return f"CAST([{', '.join(map(str, numbers))}], 'Array(Int64)')"


def _read(node: exp.Expr | None) -> list[_Row] | None:
    match node:
        case exp.Case(args={"ifs": [exp.If(args={"this": test, "true": early})]}):
            before, after = _read(early), _read(node.args.get("default"))
            is_split = isinstance(test, exp.LT) and _is_time(test.this)
            return before + after if before and after and is_split else None
        case exp.Add(args={"this": index, "expression": exp.IntDiv(args=divided)}):
            inner = divided["this"].unnest()
            if isinstance(inner, exp.Sub) and _is_time(inner.this):
                parts = (index, inner.expression, divided["expression"])
                if all(isinstance(part, exp.Literal | exp.Neg) for part in parts):
                    first, start, length = (int(part.sql()) for part in parts)
                    return [(first, start, length)]
    return None


def _is_time(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name == "timestamp" and not node.table
