"""Alerts and reports: what is looked at, when, and what then is said to whom."""
