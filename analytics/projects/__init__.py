"""Projects and their API keys: who may do what, how often, and what is kept for how long."""
