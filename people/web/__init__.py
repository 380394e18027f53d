"""The API for scripts that do what the pages do: projects, keys, members, and notes."""
