"""What is asked, and how its rows are grouped."""

from collections.abc import Sequence
from dataclasses import dataclass

from reporting.columns.view import View
from reporting.questions.fields import Field
from reporting.questions.table import Dimension, TableQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What is asked of a view. `absent`: whether events without the dimension have a row."""

    view: View
    query: TableQuery
    absent: bool = True

    @property
    def keys(self) -> list[str]:
        return [f"d{n}" for n in range(len(self.query.dimensions))]

    @property
    def sums(self) -> list[int]:
        """The metrics that may add up more than one currency."""
        return [n for n, metric in enumerate(self.query.metrics) if metric.name == "sum"]


def tell_level(table: Table) -> str:
    """g: 0 of groups, 1 of the totals."""
    return f"{'grouping(d0)' if table.keys else '1'} AS g"


def group(table: Table, *within: str) -> str:
    """Rows by their keys, and all of them; each by what it is within."""
    if table.keys:
        sets = ", ".join([*table.keys, *within]), ", ".join(within)
        return f" GROUP BY GROUPING SETS (({sets[0]}), ({sets[1]}))"
    return f" GROUP BY {', '.join(within)}" if within else ""


def list_keys(query: TableQuery) -> list[Field]:
    """The properties whose values, and not only numbers, a question tells apart."""
    fields = [metric.field for metric in query.metrics if metric.name == "unique"]
    return [each for each in (*query.dimensions, *fields) if isinstance(each, Field) and each.keys]


def find_property(dimensions: Sequence[Dimension]) -> Field | None:
    return next((d for d in dimensions if isinstance(d, Field) and d.is_property), None)
