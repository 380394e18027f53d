"""`/share/<token>`: what somebody without an account sees of a project (docs/sharing.md)."""
