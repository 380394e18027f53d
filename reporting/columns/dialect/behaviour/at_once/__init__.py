"""Funnels and journeys for an engine in which nothing stays between two statements.

Each statement reads its events anew, and nothing depends on an order that is not written.
"""


class KeepsNothing:
    """An engine that has no temporary tables."""
