"""What people keep, as pages show it and as their forms take it."""
