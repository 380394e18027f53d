"""Pages and parts of what people keep: segments and funnels, goals, notes, pinned projects."""
