"""Pages of which each is a question with a form; and who is there now."""
