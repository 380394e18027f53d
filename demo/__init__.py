"""Ninety days of a shop that does not exist, for who wants to see the service at work.

It knows the service by HTTP alone; `manage.py demo` makes the project, and removes it again.
"""
