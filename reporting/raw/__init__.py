"""Answers counted from raw events: exact, and as slow as the events are many."""
