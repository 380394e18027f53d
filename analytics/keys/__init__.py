"""API keys: whose a request is, what it may do, from which pages, and how often."""
