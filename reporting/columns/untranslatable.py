"""What one engine of two cannot be asked."""


class Untranslatable(Exception):
    """What ClickHouse has no words for, that mean the same."""
