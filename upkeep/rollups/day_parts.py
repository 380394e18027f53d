"""Make and read the tables of the day parts (analytics/rollups/day_parts.py)."""

from collections.abc import Iterator, Sequence

from pymongo.client_session import ClientSession

from analytics.rollups import (
    BOTS_DAY_PARTS,
    BOTS_TOTAL,
    DAY_PARTS,
    TOTAL,
    Descriptor,
    EncodedTable,
    has_bots,
    list_day_part_rows,
)
from upkeep.rollups.runs import Columns, Tables, merge_split, read_columns

_DAY_PARTS_OF = {TOTAL: DAY_PARTS, BOTS_TOTAL: BOTS_DAY_PARTS}


def merge_day_parts(sources: Sequence[tuple[int, Columns]]) -> Tables:
    """The tables of the day parts, of people and of bots, from the runs of its slots."""
    tables: Tables = {}
    for total, day_parts in _DAY_PARTS_OF.items():
        totals = [(slot, columns[total]) for slot, columns in sources if total in columns]
        if totals:
            tables[day_parts] = merge_split(
                [row for slot, of_slot in totals for row in _list_rows(slot, of_slot.counts)],
                [row for slot, of_slot in totals for row in _list_rows(slot, of_slot.sets)],
                values=False,
            )
    return tables


def _list_rows(slot: int, totals: Sequence[EncodedTable]) -> Iterator[EncodedTable]:
    for total in totals:
        yield from list_day_part_rows(slot, total)


def read_day_parts(run: Descriptor, session: ClientSession | None = None) -> Tables:
    """The tables of the day parts, as the run of its copy has them."""
    names = [DAY_PARTS, BOTS_DAY_PARTS] if has_bots(run) else [DAY_PARTS]
    [columns] = read_columns([run], session, names)
    return {
        name: merge_split(found.counts, found.sets, values=False) for name, found in columns.items()
    }
