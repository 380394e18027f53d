"""The groups of a table with their metrics, each kind of metric by a SELECT of its own."""

from reporting.columns.dialect.groups.asked import Table, find_property, list_keys
from reporting.columns.dialect.groups.engaged import pass_engaged
from reporting.columns.dialect.groups.merged import any_number, select_groups

__all__ = [
    "Table", "any_number", "find_property", "list_keys", "pass_engaged", "select_groups",
]  # fmt: skip
