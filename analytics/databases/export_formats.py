"""The formats of files that go out; by itself, for a child that reads files and knows no store."""

from typing import Literal

Format = Literal["jsonl", "csv", "parquet"]
