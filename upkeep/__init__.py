"""Looks after what is stored, from MongoDB to MongoDB."""
