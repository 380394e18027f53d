"""The query language: from JSON to the typed questions."""
