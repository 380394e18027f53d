"""The clients people have: what they send becomes native events, and is judged and kept as those.

A receiver translates; it never counts, stores or limits by itself.
"""
