"""What a monitor asks: whether a process lives, is ready, and what it counted."""
