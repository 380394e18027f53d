"""Deleting a project and everything that is stored of it (docs/deletion.md)."""
