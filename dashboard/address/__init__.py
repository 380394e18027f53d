"""What an address of a page says: window, comparison, filters, and what of it is shown."""
