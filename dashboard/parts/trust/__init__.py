"""Whether the numbers of a project can be believed.

Read where `ledger`, `doctor` and `/metrics` read: nothing of it is a number of events or people
that a page shows.
"""
