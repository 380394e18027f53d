"""The audit log: what becomes an entry by itself, and how entries are read (docs/people.md).

`analytics.audit.record` adds to it, and there is nothing that changes it.
"""
