"""What was sent under a fault, and whether the books and the reports agree with it."""
