"""The shared ground: what an event is, the stores, the rollups' format, metrics, keys, projects."""
