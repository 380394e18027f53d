"""Adding tables up: counts add, sets union."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from analytics.rollups.codec import (
    SET_PREFIXES,
    Integers,
    SetChoice,
    choose_sets,
    join_numbers,
    make_values,
    read_key_bytes,
    read_strings,
)
from analytics.rollups.sets import SetColumn, concatenate_sets, decode_sets, union_rows
from analytics.rollups.table import Table

Column = TypeVar("Column")


def merge_tables(tables: Sequence[Table]) -> Table:
    """Return the table of all events of all `tables`, which cover one dimension.

    The tables must hold the same columns, and the result holds them too. Order and grouping do
    not matter: `Table.equals` finds the results alike. Needs about 100 bytes of memory for each
    row and each member. Raises ValueError for no tables at all, or for different columns.
    """
    if not tables:
        raise ValueError("nothing to merge")
    if len(tables) == 1:
        return tables[0]
    return _collapse(
        Table(
            hashes=np.concatenate([table.hashes for table in tables]),
            views=_stack(tables, lambda table: table.views, np.concatenate),
            events=_stack(tables, lambda table: table.events, np.concatenate),
            values=_stack(tables, lambda table: table.values, np.concatenate),
            users=_stack(tables, lambda table: table.users, concatenate_sets),
            visitors=_stack(tables, lambda table: table.visitors, concatenate_sets),
        )
    )


def merge_encoded(
    tables: Sequence[Mapping[str, Any]],
    *,
    counts: bool = True,
    values: bool = True,
    sets: SetChoice = True,
) -> Table:
    """Return what `merge_tables` does of the decoded tables; several times faster for small ones.

    Raises CorruptTable, and ValueError for no tables at all.
    """
    if not tables:
        raise ValueError("nothing to merge")
    keys = [read_key_bytes(encoded) for encoded in tables]
    rows = [len(key) // 8 for key in keys]
    chosen = choose_sets(sets)
    users, visitors = (
        decode_sets(
            join_numbers(tables, prefix + "l", rows),
            b"".join([encoded.get(prefix + "m", b"") for encoded in tables]),
            b"".join([encoded.get(prefix + "s", b"") for encoded in tables]),
        )
        if name in chosen
        else None
        for name, prefix in SET_PREFIXES.items()
    )
    strings: list[str] = []
    if values:
        for encoded, count in zip(tables, rows, strict=True):
            strings += read_strings(encoded, count)
    return _collapse(
        Table(
            hashes=np.frombuffer(b"".join(keys), "<u8"),
            views=join_numbers(tables, "v", rows) if counts else None,
            events=join_numbers(tables, "e", rows) if counts else None,
            values=make_values(strings) if values else None,
            users=users,
            visitors=visitors,
        )
    )


def _stack(
    tables: Sequence[Table],
    pick: Callable[[Table], Column | None],
    combine: Callable[[list[Column]], Column],
) -> Column | None:
    columns = [column for table in tables if (column := pick(table)) is not None]
    if not columns:
        return None
    if len(columns) != len(tables):
        raise ValueError("tables with different columns do not merge")
    return combine(columns)


def _collapse(stack: Table) -> Table:
    """Make one row of all that share a hash, in the order of the hashes."""
    if not len(stack):
        return stack
    # Stable: it merges the ascending runs that the stack is made of.
    order = np.argsort(stack.hashes, kind="stable")
    hashes = stack.hashes[order]
    first = np.ones(len(hashes), np.bool_)
    first[1:] = hashes[1:] != hashes[:-1]
    starts = np.flatnonzero(first)
    targets = np.empty(len(hashes), np.int64)
    targets[order] = np.cumsum(first) - 1

    def add_up(counts: Integers | None) -> Integers | None:
        return None if counts is None else np.add.reduceat(counts[order], starts)

    def union(column: SetColumn | None) -> SetColumn | None:
        return None if column is None else union_rows(column, targets, len(starts))

    return Table(
        hashes=hashes[starts],
        views=add_up(stack.views),
        events=add_up(stack.events),
        values=None if stack.values is None else stack.values[order[starts]],
        users=union(stack.users),
        visitors=union(stack.visitors),
    )
