"""Accepting beside reports, beside nginx, of many keys, and by the doors of others."""
