"""What numbers, metrics and fields are called, and how they are written, where people read them."""
