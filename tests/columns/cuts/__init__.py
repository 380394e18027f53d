"""Segments that are cut by local days: which days, whose visits, and when what is merged."""
