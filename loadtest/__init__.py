"""A load test that a user can point at the service: it sends, measures, and asks where it all went.

It speaks HTTP and nothing else, and needs nothing but Python: `python -m loadtest --help`.
`manage.py loadtest` is the same with the ledger beside it.
"""
