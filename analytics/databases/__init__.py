"""The clients of Redis and MongoDB, the names of what is in them, and their errors."""
