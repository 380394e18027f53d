"""What is selected from what: the clauses of a statement."""

from itertools import chain

from sqlglot import exp

from reporting.columns.dialect.clickhouse.lists import is_single
from reporting.columns.dialect.clickhouse.writing import Rule, Write, call, fail, join, name

_JOINS = {
    ("", "", ""): "INNER",
    ("", "LEFT", ""): "LEFT",
    ("", "", "SEMI"): "LEFT SEMI",
    ("", "", "ANTI"): "LEFT ANTI",
}
_ZIPPED = "_zipped"
_OF_SELECT = {
    "expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset",
    "distinct", "with_",
}  # fmt: skip


def _select(node: exp.Select, write: Write) -> str:
    if unknown := [key for key, value in node.args.items() if value and key not in _OF_SELECT]:
        raise fail(node, " ".join(unknown))
    zipped = _zip(node)
    distinct = "DISTINCT " if node.args.get("distinct") else ""
    parts = [f"SELECT {distinct}{join(node.expressions, write)}"]
    for key in ("with_", "from_", "joins", "where", "group", "having", "order", "limit", "offset"):
        if key == "from_" and zipped:
            parts.append(_select_zipped(node, zipped, write))
            continue
        for clause in _list(node.args.get(key)):
            if key == "with_":
                parts.insert(0, write(clause))
            else:
                parts.append(write(clause))
    return " ".join(parts)


def _zip(node: exp.Select) -> list[exp.Expr]:
    """The lists that a SELECT takes apart side by side; none where there are not several.

    ClickHouse would make a row of each element of one and each of the other.
    """
    found = [each for column in node.expressions for each in column.find_all(exp.Explode)]
    lists = [each for each in found if not is_single(each)]
    if len(lists) < 2:
        return []
    for number, each in enumerate(lists, 1):
        each.replace(exp.column(str(number), table=_ZIPPED))
    return [each.this for each in lists]


def _select_zipped(node: exp.Select, lists: list[exp.Expr], write: Write) -> str:
    joined = call("arrayJoin", call("arrayZip", *map(write, lists)))
    rest = f"*, {joined} AS {_ZIPPED} {write(node.args['from_'])}" if node.args.get("from_") else ""
    return f"FROM (SELECT {rest or f'{joined} AS {_ZIPPED}'})"


def _list(value: object) -> list[exp.Expr]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]  # type: ignore[list-item]


def _union(node: exp.Union, write: Write) -> str:
    if node.args.get("distinct"):
        raise fail(node)
    common = f"{write(node.args['with_'])} " if node.args.get("with_") else ""
    selects = list(_flatten(node))
    if node.args.get("by_name"):
        names = list(dict.fromkeys(chain.from_iterable(map(_list_names, selects))))
        return common + " UNION ALL ".join(_select_by_name(each, names, write) for each in selects)
    for select in selects:
        _name_columns(select)
    return common + " UNION ALL ".join(map(write, selects))


def _name_columns(select: exp.Expr) -> None:
    """Two nulls would bear one name, and then have to be of one type."""
    for number, each in enumerate(select.expressions):
        if not isinstance(each, exp.Alias | exp.Column | exp.Star):
            each.replace(exp.alias_(each.copy(), f"_{number}"))


def _flatten(node: exp.Expr) -> list[exp.Expr]:
    if not isinstance(node, exp.Union):
        return [node]
    return [*_flatten(node.left), *_flatten(node.right)]


def _list_names(select: exp.Expr) -> list[str]:
    assert isinstance(select, exp.Select)
    names = [each.alias_or_name for each in select.expressions]
    if "*" in names:
        raise fail(select, "by name")
    return names


def _select_by_name(select: exp.Expr, names: list[str], write: Write) -> str:
    has = _list_names(select)
    columns = (name(each) if each in has else f"NULL AS {name(each)}" for each in names)
    return f"SELECT {', '.join(columns)} FROM ({write(select)})"


def _common(node: exp.With, write: Write) -> str:
    return f"WITH {join(node.expressions, write)}"


def _common_table(node: exp.CTE, write: Write) -> str:
    kept = "MATERIALIZED " if node.args.get("materialized") else ""
    return f"{name(node.alias)} AS {kept}({write(node.this)})"


def _subquery(node: exp.Subquery, write: Write) -> str:
    return f"({write(node.this)}){_alias(node)}"


def _table(node: exp.Table, write: Write) -> str:
    if isinstance(node.this, exp.Identifier):
        return f"{name(node.name)}{_alias(node)}"
    return f"{write(node.this)}{_alias(node)}"


def _alias(node: exp.Expr) -> str:
    return f" AS {name(node.alias)}" if node.alias else ""


def _join(node: exp.Join, write: Write) -> str:
    word = _JOINS.get((node.method or "", node.side or "", node.kind or ""))
    if word is None:
        raise fail(node)
    if on := node.args.get("on"):
        return f"{word} JOIN {write(node.this)} ON {write(on)}"
    return f"{word} JOIN {write(node.this)} USING ({join(node.args['using'], write)})"


def _group(node: exp.Group, write: Write) -> str:
    if node.args.get("all"):
        return "GROUP BY ALL"
    return f"GROUP BY {join(node.expressions, write)}"


def _sets(node: exp.GroupingSets, write: Write) -> str:
    sets = []
    for each in node.expressions:
        within = each.expressions if isinstance(each, exp.Tuple) else [each.this]
        sets.append(f"({join(within, write)})")
    return call("GROUPING SETS ", *sets)


def _ordered(node: exp.Ordered, write: Write) -> str:
    first = "FIRST" if node.args.get("nulls_first") else "LAST"
    return f"{write(node.this)} {'DESC' if node.args.get('desc') else 'ASC'} NULLS {first}"


RULES: dict[type[exp.Expr], Rule] = {
    exp.CTE: _common_table,
    exp.From: lambda node, write: f"FROM {write(node.this)}",
    exp.Group: _group,
    exp.GroupingSets: _sets,
    exp.Having: lambda node, write: f"HAVING {write(node.this)}",
    exp.Join: _join,
    exp.Limit: lambda node, write: f"LIMIT {write(node.expression)}",
    exp.Offset: lambda node, write: f"OFFSET {write(node.expression)}",
    exp.Order: lambda node, write: f"ORDER BY {join(node.expressions, write)}",
    exp.Ordered: _ordered,
    exp.Select: _select,
    exp.Subquery: _subquery,
    exp.Table: _table,
    exp.Union: _union,
    exp.Where: lambda node, write: f"WHERE {write(node.this)}",
    exp.With: _common,
}
