"""Projects: their rules, names and days, what is kept of them, and the mirror of their keys."""
