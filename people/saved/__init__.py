"""What people keep of a project for later: segments, funnels, goals, pins and notes."""
