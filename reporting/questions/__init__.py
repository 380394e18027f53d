"""Questions, checked and typed; they know no store."""
