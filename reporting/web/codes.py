"""The codes that reports may refuse with, for the OpenAPI document."""

from analytics.web.openapi import RELAYED, Codes

# What a store of events may be too busy or too broken for.
ENGINE = (
    "store_unavailable", "columns_unavailable", "columns_damaged", "columns_behind", "query_busy",
    "query_failed", "clickhouse_unavailable",
)  # fmt: skip

REPORTS: Codes = {
    400: (
        "bad_bots",
        "bad_exact",
        "bad_filter",
        "bad_group_by",
        "bad_interval",
        "bad_limit",
        "bad_none",
        "bad_offset",
        "bad_op",
        "bad_pattern",
        "bad_timestamp",
        "bad_timezone",
        "bad_value",
        "bad_window",
        "filter_too_large",
        "invalid_query",
        "missing_field",
        "missing_parameter",
        "query_timeout",
        "query_too_large",
        "raw_expired",
        "repeated_parameter",
        "too_many_parameters",
        "too_many_points",
        "unknown_field",
        "unknown_parameter",
        "wrong_type",
    ),
    429: ("rate_limited",),
    503: (*ENGINE, *RELAYED),
}
