"""Columns that a statement hands on and never uses, left out of it.

ClickHouse looks at each column of each part of a statement before it reads a row: at 34 of them,
twenty times over, that took it seconds.
"""

from sqlglot import exp

from columns.files.layout import TYPES, VISIT_TYPES

_NAMES = TYPES.keys() | VISIT_TYPES.keys()


def prune(tree: exp.Expr) -> None:
    """Leave out of what only hands columns on those that nothing else names.

    What ends up in the answer is named by something else, for the outermost SELECT hands on
    nothing.
    """
    handing = [select for select in tree.find_all(exp.Select) if _hands_on(select)]
    handed = {id(column) for select in handing for column in select.expressions}
    used = {each.name for each in tree.find_all(exp.Column) if id(each) not in handed}
    used |= {each.name for each in tree.find_all(exp.Identifier) if each.arg_key == "using"}
    for select in handing:
        kept = [each for each in select.expressions if each.name in used]
        select.set("expressions", kept or select.expressions[:1])


def _hands_on(select: exp.Select) -> bool:
    """Whether it selects columns of files, as they are, out of something."""
    return (
        select.parent is not None
        and select.args.get("from_") is not None
        and not select.args.get("distinct")
        and all(
            isinstance(each, exp.Column) and not each.table and each.name in _NAMES
            for each in select.expressions
        )
    )
