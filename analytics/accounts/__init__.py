"""Who signs in to the admin: the lock on its door, and sessions that can be ended."""
