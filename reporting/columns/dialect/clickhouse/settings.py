"""Settings without which the same words mean something else.

What limits do is said of every statement, also of the doctor's: analytics/databases/clickhouse.py.
"""

from typing import Final

MEANING: Final[dict[str, int | str]] = {
    "aggregate_functions_null_for_empty": 0,
    "allow_experimental_analyzer": 1,
    "cast_keep_nullable": 1,
    "count_distinct_implementation": "uniqExact",
    "enable_materialized_cte": 0,  # 26.9 fails at those that subqueries use
    "enable_nullable_tuple_type": 1,
    "group_by_use_nulls": 1,
    "input_format_parquet_allow_missing_columns": 0,
    "input_format_null_as_default": 0,
    "join_use_nulls": 1,
    "joined_subquery_requires_alias": 0,
    "max_expanded_ast_elements": 5_000_000,
    "max_query_size": 16 * 1024 * 1024,
    "optimize_functions_to_subcolumns": 0,  # a tuple that may be null has none where it is kept
    "precise_float_parsing": 1,
    "prefer_column_name_to_alias": 1,
    "transform_null_in": 0,
    "union_default_mode": "ALL",
    "use_cache_for_count_from_files": 0,  # it would count files that are gone
}
