"""Questions that ClickHouse answers, out of the same files."""

from reporting.columns.clickhouse.asking import is_asked, run_there

__all__ = ["is_asked", "run_there"]
