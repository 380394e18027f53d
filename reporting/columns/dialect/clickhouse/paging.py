"""The page of a table's groups, and their totals, out of one reading of them.

DuckDB works a common table out once, however often it is used; ClickHouse does so for each use,
and would read all events twice.
"""

from sqlglot import exp

_AT = "_at"


def read_once(tree: exp.Expr) -> None:
    """Have `page` (`reporting.columns.dialect.statement`), which takes the groups of `kept` in
    order, and then its totals, number the rows of both instead."""
    for table in tree.find_all(exp.CTE):
        if table.alias == "page" and isinstance(table.this, exp.Union):
            table.set("this", _take_page(table.this))


def _take_page(union: exp.Union) -> exp.Expr:
    of_groups = union.left
    while isinstance(of_groups, exp.Select) and of_groups.args.get("where") is None:
        of_groups = of_groups.args["from_"].this.unnest()
    rows = exp.select("*").from_("kept")
    if (limit := of_groups.args.get("limit")) is None:
        return rows
    begin = int(of_groups.args["offset"].expression.this)
    end = begin + int(limit.expression.this)
    at = exp.Window(
        this=exp.RowNumber(),
        partition_by=[exp.column("g")],
        order=of_groups.args["order"].copy(),
        over="OVER",
    )
    numbered = exp.select("*", exp.alias_(at, _AT)).from_("kept")
    shown = exp.or_(
        exp.column("g").eq(1), exp.and_(exp.column(_AT) > begin, exp.column(_AT) <= end)
    )
    return exp.select("*").from_(numbered.subquery()).where(shown)
