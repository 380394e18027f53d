"""Row groups of Parquet files, copied as they are into another file, and its footer."""
