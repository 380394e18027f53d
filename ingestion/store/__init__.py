"""From entries to BSON, and the one transaction that only inserts."""
