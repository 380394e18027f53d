"""From MongoDB to the answer of a report."""
