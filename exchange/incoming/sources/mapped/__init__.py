"""CSV and JSON lines of anybody: what their columns seem to be, and rows by a mapping."""
