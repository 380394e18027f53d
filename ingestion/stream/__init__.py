"""Redis and nothing else: scripts, group commit, consumers, claims, entries, memory."""
