"""Functions of many rows: aggregates and windows.

Of nothing but nulls an aggregate is null, as DuckDB's is; sums of integers are of 128 bits, for
those of 64 wrap in silence.
"""

from sqlglot import exp

from reporting.columns.dialect.clickhouse.writing import Rule, Write, call, fail, join

_PLAIN: dict[type[exp.Expr], str] = {
    exp.ArgMax: "argMax",  # of lists and structs, which are never null: of none [] and defaults
    exp.ArgMin: "argMin",
    exp.Avg: "avgOrNull",
    exp.BitwiseOrAgg: "groupBitOrOrNull",
    exp.LogicalOr: "maxOrNull",
    exp.Median: "quantileExactInclusiveOrNull(0.5)",
}
_NUMBER = ("d", "i")  # a struct that may be an integer or a double


def _filtered(node: exp.Filter, write: Write) -> str:
    condition = f" FILTER (WHERE {write(node.expression.this)})"
    if isinstance(node.this, exp.PercentileDisc):
        return _quantile(node.this, write, condition)
    return _sign(node, f"{write(node.this)}{condition}")


def _count(node: exp.Count, write: Write) -> str:
    if isinstance(node.this, exp.Star):
        return _sign(node, "count()")
    if isinstance(node.this, exp.Distinct):
        return _sign(node, call("uniqExact", *map(write, node.this.expressions)))
    return _sign(node, call("count", write(node.this)))


def _sign(node: exp.Expr, written: str) -> str:
    """A count as DuckDB has it: one without a sign has no type in common with what has one."""
    inner = node
    while isinstance(inner, exp.Window | exp.Filter):
        inner = inner.this
    is_whole = not isinstance(node.parent, exp.Window | exp.Filter)
    return call("toInt64", written) if is_whole and isinstance(inner, exp.Count) else written


def _sum(node: exp.Sum, write: Write) -> str:
    return call("sumOrNull", call("toInt128", write(node.this)))


def _extreme(node: exp.Min | exp.Max, write: Write) -> str:
    word = "min" if isinstance(node, exp.Min) else "max"
    if _is_number(node.this):
        return call(f"arg{word.title()}OrNull", write(node.this), _rank(node.this, write))
    return call(f"{word}OrNull", write(node.this))


def _plain(node: exp.Expr, write: Write) -> str:
    by = node.args.get("expression")
    return call(_PLAIN[type(node)], write(node.this), *([write(by)] if by else []))


def _list(node: exp.ArrayAgg, write: Write) -> str:
    if isinstance(node.this, exp.Order):
        raise fail(node)
    if not isinstance(node.this, exp.Distinct):
        return call("groupArray", write(node.this))
    return call("groupUniqArray", *map(write, node.this.expressions))


def _any(node: exp.IgnoreNulls, write: Write) -> str:
    if not isinstance(node.this, exp.AnyValue):
        raise fail(node)
    return call("anyOrNull", write(node.this.this))


def _quantile(node: exp.PercentileDisc, write: Write, condition: str) -> str:
    """The value at DuckDB's rank, n - floor(n - n * share) and at least 1, counted exactly."""
    if not _is_number(node.this):
        raise fail(node)
    rest = 100 - round(float(node.expression.this) * 100)
    pair = call("tuple", _rank(node.this, write), write(node.this))
    found = f"arraySort(pair -> pair.1, groupArray({pair}){condition})"
    at = f"greatest(1, length({found}) - intDiv(length({found}) * {rest}, 100))"
    return f"if(empty({found}), NULL, {found}[{at}].2)"


def _is_number(node: exp.Expr) -> bool:
    return isinstance(node, exp.Struct) and tuple(each.name for each in node.expressions) == _NUMBER


def _rank(node: exp.Expr, write: Write) -> str:
    """What sorts as DuckDB sorts the struct: null comes last."""
    double, integer = (write(each.expression) for each in node.expressions)
    return f"tuple({double}, {integer} IS NULL, ifNull({integer}, 0))"


def _window(node: exp.Window, write: Write) -> str:
    parts = []
    if partition := node.args.get("partition_by"):
        parts.append(f"PARTITION BY {join(partition, write)}")
    if order := node.args.get("order"):
        parts.append(write(order))
    if (spec := node.args.get("spec")) is not None:
        parts.append(_frame(spec))
    return _sign(node, f"{write(node.this)} OVER ({' '.join(parts)})")


def _frame(spec: exp.WindowSpec) -> str:
    """Rows from the first one to one that stays where it is: others would be counted anew for each
    row."""
    if spec.args["kind"] != "ROWS" or spec.args["start"] != "UNBOUNDED":
        raise fail(spec)
    end, side = spec.args["end"], spec.args.get("end_side")
    if end == "CURRENT ROW":
        return "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    if not (isinstance(end, exp.Literal) and side == "PRECEDING"):
        raise fail(spec)
    return f"ROWS BETWEEN UNBOUNDED PRECEDING AND {int(end.this)} PRECEDING"


def _neighbour(node: exp.Lag | exp.Lead, write: Write) -> str:
    if node.args.get("default"):
        raise fail(node)
    offset = node.args.get("offset")
    return call(type(node).__name__.lower(), write(node.this), *([write(offset)] if offset else []))


RULES: dict[type[exp.Expr], Rule] = {
    **dict.fromkeys(_PLAIN, _plain),
    exp.ArrayAgg: _list,
    exp.Count: _count,
    exp.Filter: _filtered,
    exp.Grouping: lambda node, write: f"grouping({join(node.expressions, write)})",
    exp.IgnoreNulls: _any,
    exp.Lag: _neighbour,
    exp.Lead: _neighbour,
    exp.Max: _extreme,
    exp.Min: _extreme,
    exp.RowNumber: lambda node, write: "row_number()",
    exp.Sum: _sum,
    exp.Window: _window,
}
