"""Notices that wait to be sent: each is there once, and leaves once."""
