"""The format of the rollups: what is counted, how it is stored, added up and read.

Pure computation, without I/O: `summarize` makes tables of events, `merge_tables` adds tables up,
`rank` and its companions read answers out of many of them.
"""

from analytics.rollups.calendar import BUCKET, BUCKET_MS, bucket_start
from analytics.rollups.codec import FORMAT, CorruptTable, EncodedTable, list_fields
from analytics.rollups.day_parts import choose_day_parts, first_slot, list_day_part_rows, split_rows
from analytics.rollups.dimensions import (
    DAY_PARTS,
    DIMENSIONS,
    PAGEVIEW,
    TABLES,
    TOTAL,
)
from analytics.rollups.hashing import TOTAL_HASH, U64_MASK, hash_user, hash_value
from analytics.rollups.merge import merge_encoded, merge_tables
from analytics.rollups.ranking import (
    RankedRow,
    Ranking,
    locate_values,
    rank,
    read_values,
    sum_rows,
    union_sets,
)
from analytics.rollups.runs import (
    Descriptor,
    counts_pieces,
    make_run_id,
    pack_run,
    pack_summary,
    run_of,
    run_range,
    sets_pieces,
)
from analytics.rollups.summary import (
    SOURCE_FIELDS,
    Client,
    Fact,
    Hit,
    Source,
    make_hit,
    summarize,
    summarize_facts,
)
from analytics.rollups.table import Table
from analytics.rollups.total import Counts, merge_totals, sum_total, union_total
from analytics.rollups.uniques import EXACT_MAX, RELATIVE_ERROR, Uniques, count_uniques

__all__ = [
    "BUCKET",
    "BUCKET_MS",
    "DAY_PARTS",
    "DIMENSIONS",
    "EXACT_MAX",
    "FORMAT",
    "PAGEVIEW",
    "RELATIVE_ERROR",
    "SOURCE_FIELDS",
    "TABLES",
    "TOTAL",
    "TOTAL_HASH",
    "U64_MASK",
    "Client",
    "CorruptTable",
    "Counts",
    "Descriptor",
    "EncodedTable",
    "Fact",
    "Hit",
    "RankedRow",
    "Ranking",
    "Source",
    "Table",
    "Uniques",
    "bucket_start",
    "choose_day_parts",
    "count_uniques",
    "counts_pieces",
    "first_slot",
    "hash_user",
    "hash_value",
    "list_day_part_rows",
    "list_fields",
    "locate_values",
    "make_hit",
    "make_run_id",
    "merge_encoded",
    "merge_tables",
    "merge_totals",
    "pack_run",
    "pack_summary",
    "rank",
    "read_values",
    "run_of",
    "run_range",
    "sets_pieces",
    "split_rows",
    "sum_rows",
    "sum_total",
    "summarize",
    "summarize_facts",
    "union_sets",
    "union_total",
]
