"""Events that come in files: what is read of them, and how they become events."""
