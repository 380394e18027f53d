"""Properties out of JSON text, written as DuckDB writes them: so values are equal where these are.

ClickHouse writes a double that is whole without a point, and two line ends by their numbers; what
is absent is '' there, and here null.
"""

import re

from sqlglot import exp

from reporting.columns.dialect.clickhouse.writing import Rule, Write, call, fail, text

_KEY = re.compile(r'\."((?:[^"\\]|\\.)*)"')
_TYPES = {
    "Int64": "BIGINT",
    "UInt64": "BIGINT",
    "Double": "DOUBLE",
    "Bool": "BOOLEAN",
    "String": "VARCHAR",
    "Array": "ARRAY",
    "Object": "OBJECT",
    "Null": "NULL",
}


def read_path(path: str) -> list[str]:
    """The keys of `$."a"."b"`; a pointer that is `/` has the empty one."""
    if path == "/":
        return [""]
    keys: list[str] = _KEY.findall(path)
    if not keys or "$" + "".join(f'."{key}"' for key in keys) != path:
        raise ValueError(f"a path that the dialect does not write: {path}")
    return [re.sub(r"\\(.)", r"\1", key, flags=re.DOTALL) for key in keys]


def _extract(node: exp.JSONExtract, write: Write) -> str:
    """The text under one path, or an array of those under several."""
    json, paths = write(node.this), node.expression
    if isinstance(paths, exp.Array):
        return f"[{', '.join(_take(json, path) for path in paths.expressions)}]"
    return _take(json, paths)


def _take(json: str, path: exp.Expr) -> str:
    if not (isinstance(path, exp.Literal) and path.is_string):
        raise fail(path, "as a path")
    keys = [text(key) for key in read_path(path.this)]
    raw, kind = (call(function, json, *keys) for function in ("JSONExtractRaw", "JSONType"))
    is_real = f"match({raw}, '^-?[0-9]+$') AND {kind} = 'Double'"
    has_ends = f"position({raw}, {text(chr(92) + 'u202')}) > 0"
    return (
        f"multiIf({raw} = '', NULL, {is_real}, concat({raw}, '.0'), "
        f"{has_ends}, {_spell_line_ends(raw)}, {raw})"
    )


def _spell_line_ends(raw: str) -> str:
    mended = call("replaceAll", raw, text("\\\\"), text("\x01"))  # which no JSON holds as it is
    for number, character in (("2028", "\u2028"), ("2029", "\u2029")):
        mended = call("replaceAll", mended, text(f"\\u{number}"), text(character))
    return call("replaceAll", mended, text("\x01"), text("\\\\"))


def _scalar(node: exp.JSONExtractScalar, write: Write) -> str:
    """The text that a JSON string is."""
    if not (isinstance(node.expression, exp.Literal) and node.expression.this == "$"):
        raise fail(node)
    return call("JSONExtractString", write(node.this))


def _keys(node: exp.JSONKeys, write: Write) -> str:
    return call("JSONExtractKeys", call("ifNull", write(node.this), "'{}'"))


def _types(node: exp.JSONType, write: Write) -> str:
    """Of all values at the top of an object."""
    if node.expression is None or node.expression.this != "$.*":
        raise fail(node)
    names = ", ".join(map(text, _TYPES)), ", ".join(map(text, _TYPES.values()))
    type_ = f"transform(toString(JSONType(pair.2)), [{names[0]}], [{names[1]}])"
    pairs = call("JSONExtractKeysAndValuesRaw", call("ifNull", write(node.this), "'{}'"))
    return f"arrayMap(pair -> {type_}, {pairs})"


RULES: dict[type[exp.Expr], Rule] = {
    exp.JSONExtract: _extract,
    exp.JSONExtractScalar: _scalar,
    exp.JSONKeys: _keys,
    exp.JSONType: _types,
}
