"""Lists, which are arrays here, and never null."""

from sqlglot import exp

from reporting.columns.dialect.clickhouse.writing import Rule, Write, call, fail, join, name


def is_single(node: exp.Explode) -> bool:
    """Whether it takes one value out of a list, where that was to be worked out once: here equal
    expressions are one in any case."""
    return isinstance(node.this, exp.Array) and len(node.this.expressions) == 1


def _unnest(node: exp.Explode, write: Write) -> str:
    if isinstance(node.this, exp.GenerateSeries):
        return "0"  # the room of a row in DuckDB's chunks (patterns.py): here one is as good
    return (
        write(node.this.expressions[0]) if is_single(node) else call("arrayJoin", write(node.this))
    )


def _element(node: exp.Bracket, write: Write) -> str:
    """Null beyond the end, where `[]` has 0 or ''."""
    [at] = node.expressions
    if not (isinstance(at, exp.Literal) and not at.is_string):
        raise fail(node)
    return call("arrayElementOrNull", write(node.this), str(int(at.this)))


def _sort(node: exp.ArraySort, write: Write) -> str:
    if node.args.get("asc") is not None:  # an order of its own
        raise fail(node)
    return call("arraySort", write(node.this))


def _keep(node: exp.ArrayFilter, write: Write) -> str:
    return call("arrayFilter", write(node.expression), write(node.this))


def _lambda(node: exp.Lambda, write: Write) -> str:
    [argument] = node.expressions
    return f"{name(argument.name)} -> {write(node.this)}"


def _concat(node: exp.ArrayConcat, write: Write) -> str:
    return call("arrayConcat", write(node.this), *map(write, node.expressions))


def _to_text(node: exp.ArrayToString, write: Write) -> str:
    return call("arrayStringConcat", write(node.this), write(node.expression))


RULES: dict[type[exp.Expr], Rule] = {
    exp.Array: lambda node, write: f"[{join(node.expressions, write)}]",
    exp.ArrayConcat: _concat,
    exp.ArrayFilter: _keep,
    exp.ArraySort: _sort,
    exp.ArrayToString: _to_text,
    exp.Bracket: _element,
    exp.Explode: _unnest,
    exp.Lambda: _lambda,
}
