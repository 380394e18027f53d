"""The copy of the events in columns: Parquet files, listed in MongoDB, for questions."""
