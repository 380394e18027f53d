"""Where imports lie, and how they end: with who is erased, with their project, with their time."""
