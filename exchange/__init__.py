"""Events go out in files."""
