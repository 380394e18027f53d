"""Answers from columns, and from what is not in them yet."""
