"""PostHog: its bodies, its events, and what its clients ask besides."""
