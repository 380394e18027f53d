"""Share links: what somebody without an account may see of a project (docs/sharing.md)."""
