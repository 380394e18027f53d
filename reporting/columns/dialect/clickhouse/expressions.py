"""Expressions: operators, functions of one row, casts."""

from sqlglot import exp

from reporting.columns.dialect.clickhouse.stretches import write_days
from reporting.columns.dialect.clickhouse.writing import Rule, Write, call, fail, join, name, text

TYPES = {
    "BIGINT": "Int64",
    "INT": "Int32",
    "INT128": "Int128",
    "UTINYINT": "UInt8",
    "DOUBLE": "Float64",
    "BOOLEAN": "Bool",
    "TEXT": "String",
    "VARCHAR": "String",
    "VARBINARY": "String",
}

ELEMENTS = {
    "d": "Float64",
    "i": "Int128",
    "id": "String",
    "key": "String",
    "ms": "Int64",
    "other": "Bool",
    "path": "String",
}
"""Of structs, by name."""

_FUNCTIONS: dict[type[exp.Expr], str] = {
    exp.StartsWith: "startsWith",
    exp.EndsWith: "endsWith",
    exp.RegexpLike: "match",
    exp.Coalesce: "coalesce",
    exp.Least: "least",
    exp.Greatest: "greatest",
    exp.Nullif: "nullIf",
    exp.IntDiv: "intDiv",
    exp.Trunc: "trunc",
    exp.Length: "length",
    exp.BitwiseAnd: "bitAnd",
    exp.BitwiseOr: "bitOr",
    exp.BitwiseNot: "bitNot",
    exp.BitwiseRightShift: "bitShiftRight",
    exp.DPipe: "concat",  # of texts: lists have a function
}
_BY_NAME = {
    "fsum": "sumKahanOrNull",
    "hash": "sipHash128",
    "isfinite": "isFinite",
    "list_slice": "arraySlice",  # from 1 on the end is the length
    "to_json": "toJSONString",
}
_OPERATORS: dict[type[exp.Expr], str] = {
    exp.And: "AND",
    exp.Or: "OR",
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.NullSafeEQ: "<=>",
}


def _function(node: exp.Expr, write: Write) -> str:
    arguments = [node.this, *node.expressions]
    arguments += [node.expression] if node.args.get("expression") is not None else []
    return call(_FUNCTIONS[type(node)], *map(write, arguments))


def _by_name(node: exp.Anonymous, write: Write) -> str:
    if node.this.lower() not in _BY_NAME:
        raise fail(node)
    return call(_BY_NAME[node.this.lower()], *map(write, node.expressions))


def _operator(node: exp.Binary, write: Write) -> str:
    return f"({write(node.left)} {_OPERATORS[type(node)]} {write(node.right)})"


def _contains(node: exp.Contains, write: Write) -> str:
    return f"(position({write(node.this)}, {write(node.expression)}) > 0)"


def _literal(node: exp.Literal, write: Write) -> str:
    return text(node.this) if node.is_string else str(node.this)


def _column(node: exp.Column, write: Write) -> str:
    last = "*" if isinstance(node.this, exp.Star) else name(node.name)
    if not node.table:
        return last
    if node.table in _list_relations(node):
        return f"{name(node.table)}.{last}"
    return call("tupleElement", name(node.table), text(node.name))


def _list_relations(node: exp.Expr) -> set[str]:
    """What the SELECT around it selects from, by name."""
    select = node.find_ancestor(exp.Select)
    if select is None:
        return set()
    joined = (each.this for each in select.args.get("joins") or ())
    first = select.args.get("from_")
    return {each.alias_or_name for each in (*joined, *([first.this] if first else ()))}


def _star(node: exp.Star, write: Write) -> str:
    if replaced := node.args.get("replace"):
        return f"* REPLACE ({join(replaced, write)})"
    return "*"


def _is(node: exp.Is, write: Write) -> str:
    if not isinstance(node.expression, exp.Null):
        raise fail(node)
    return f"({write(node.this)} IS NULL)"


def _in(node: exp.In, write: Write) -> str:
    if query := node.args.get("query"):
        return f"({write(node.this)} IN {write(query)})"
    return f"({write(node.this)} IN ({join(node.expressions, write)}))"


def _between(node: exp.Between, write: Write) -> str:
    low, high = write(node.args["low"]), write(node.args["high"])
    return f"({write(node.this)} BETWEEN {low} AND {high})"


def _case(node: exp.Case, write: Write) -> str:
    if node.this is not None:
        raise fail(node)
    if days := write_days(node):
        return days
    cases = [
        f"WHEN {write(each.this)} THEN {write(each.args['true'])}" for each in node.args["ifs"]
    ]
    default = node.args.get("default")
    other = f" ELSE {write(default)}" if default is not None else ""
    return f"CASE {' '.join(cases)}{other} END"


def write_type(node: exp.DataType) -> str:
    """The type, of what may be null."""
    if (known := TYPES.get(node.this.name)) is None:
        raise fail(node)
    return f"Nullable({known})"


def _cast(node: exp.Cast, write: Write) -> str:
    return f"CAST({write(node.this)}, {text(write_type(node.to))})"


def _try_cast(node: exp.TryCast, write: Write) -> str:
    """Of a text or a number; null where it is none, or beyond the type."""
    if (known := TYPES.get(node.to.this.name)) not in ("Float64", "Int64"):
        raise fail(node)
    if known == "Float64":
        return call("toFloat64OrNull", write(node.this))
    return call("accurateCastOrNull", write(node.this), "'Int64'")


def _struct(node: exp.Struct, write: Write) -> str:
    """A tuple with names, each of the one type that what bears it has anywhere."""
    values = ", ".join(write(each.expression) for each in node.expressions)
    types = []
    for each in node.expressions:
        if (known := ELEMENTS.get(each.this.name)) is None:
            raise fail(node)
        types.append(f"{name(each.this.name)} Nullable({known})")
    return call("CAST", call("tuple", values), text(call("Tuple", *types)))


RULES: dict[type[exp.Expr], Rule] = {
    **dict.fromkeys(_FUNCTIONS, _function),
    **dict.fromkeys(_OPERATORS, _operator),
    exp.Alias: lambda node, write: f"{write(node.this)} AS {name(node.alias)}",
    exp.Anonymous: _by_name,
    exp.Between: _between,
    exp.Boolean: lambda node, write: "true" if node.this else "false",
    exp.Case: _case,
    exp.Cast: _cast,
    exp.Column: _column,
    exp.Contains: _contains,
    exp.Dot: lambda node, write: f"{write(node.this)}.{name(node.expression.name)}",
    exp.Identifier: lambda node, write: name(node.name),
    exp.In: _in,
    exp.Is: _is,
    exp.Literal: _literal,
    exp.Neg: lambda node, write: f"(-{write(node.this)})",
    exp.Not: lambda node, write: f"(NOT {write(node.this)})",
    exp.Null: lambda node, write: "NULL",
    exp.Paren: lambda node, write: f"({write(node.this)})",
    exp.Star: _star,
    exp.Struct: _struct,
    exp.TryCast: _try_cast,
}
