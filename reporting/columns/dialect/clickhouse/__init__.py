"""The questions' SQL, which is DuckDB's, in that of ClickHouse: this room alone knows of both.

A statement is read as a tree and written anew, part by part. What no part here knows how to write
so that it means the same raises Untranslatable, and is then asked of DuckDB.
"""

from reporting.columns.dialect.clickhouse.arguments import Parameters
from reporting.columns.dialect.clickhouse.settings import MEANING
from reporting.columns.dialect.clickhouse.statement import Translated, translate

__all__ = ["MEANING", "Parameters", "Translated", "translate"]
