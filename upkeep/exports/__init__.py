"""Where exports lie, and how they go: with whom they hold, with their project, with their time."""
